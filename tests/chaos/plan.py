"""The plan of a chaos run, derived from its seed alone: fault rates, kills, faults of requests.

The same seed gives the same plan, but not the same run: the scheduler decides which request is the
n-th of its kind and what a killed process was doing. A seed that failed is therefore likely, but
not certain, to fail again; a longer run makes it likelier.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

Service = Literal["s3", "sqs", "dynamodb"]
SERVICES: tuple[Service, ...] = get_args(Service)

#: What can happen to a request:
#: error - a response with status 503; throttle - the response of a throttled service;
#: conflict - a transaction conflict; reset - broken before it was forwarded;
#: lost - forwarded, then broken before the response;
#: cut - half of its body forwarded, then broken; slow - forwarded after a delay;
#: stall - forwarded, but no response until the client has timed out (or nearly).
Kind = Literal["error", "throttle", "conflict", "reset", "lost", "cut", "slow", "stall"]

_WEIGHTS: dict[Kind, int] = {
    "lost": 34, "error": 18, "throttle": 16, "reset": 16, "slow": 13, "stall": 3,
}  # fmt: skip

Victim = Literal["web", "consumer", "worker", "child", "beat"]
_VICTIMS: dict[Victim, int] = {"worker": 5, "child": 6, "consumer": 6, "web": 2, "beat": 2}

#: Fraction of requests with a fault outside the fault periods.
BASE_RATE = 0.05


@dataclass(frozen=True)
class FaultPeriod:
    """A period, in seconds of the run, in which the fraction `rate` of requests has a fault."""

    start: float
    end: float
    services: tuple[Service, ...]
    rate: float


@dataclass(frozen=True)
class Kill:
    """`kill -9` at a second from the beginning; the process is restarted `down` seconds later.

    A child is a process of the worker's pool; the worker itself replaces it.
    """

    at: float
    victim: Victim
    down: float


@dataclass(frozen=True)
class Command:
    """An operator's command of manage.py, killed if it has not ended in time."""

    at: float
    arguments: tuple[str, ...]
    killed_after: float


_COMMANDS = (
    ("reconcile", "--all", "--min-age", "0m"),
    ("reconcile", "--since", "1h", "--min-age", "0m"),
    ("redrive", "--queue", "tasks"),
)


@dataclass(frozen=True)
class Fault:
    """The fault of one request; `seconds` is for slow and stall."""

    kind: Kind
    seconds: float = 0.0


class Plan:
    """Everything about a chaos run that is decided in advance."""

    def __init__(self, seed: int, seconds: float) -> None:
        self.seed = seed
        self.seconds = seconds
        self.fault_periods = tuple(self._fault_periods())
        self.kills = tuple(self._kills())
        self.commands = tuple(self._commands())

    def random(self, *names: object) -> Random:
        """A random generator that depends on the seed and these names alone."""
        return Random("/".join(map(str, (self.seed, *names))))

    def _fault_periods(self) -> list[FaultPeriod]:
        # “weather” is a historic name, kept so that seeds reproduce the same runs.
        rng, periods, at = self.random("weather"), [], 0.0
        while True:
            at += rng.uniform(0.5, 4)
            length = rng.uniform(1.5, 6)
            rate = rng.choice((0.15, 0.25, 0.4, 0.6, 1.0))
            if rate == 1.0:
                # Long enough for tasks to fail: filehub's own clients retry for some seconds.
                length += 6
            if at + length > self.seconds:
                return periods
            services = rng.choice([*((service,) for service in SERVICES), SERVICES])
            periods.append(FaultPeriod(at, at + length, services, rate))
            at += length

    def _kills(self) -> list[Kill]:
        rng, kills, at = self.random("kills"), [], 1.0
        while True:
            at += rng.uniform(0.8, 4.0)
            if at > self.seconds - 1:
                return kills
            victim = rng.choices(list(_VICTIMS), list(_VICTIMS.values()))[0]
            kills.append(Kill(at, victim, rng.choice((0.0, 0.0, 0.5, 2.0))))

    def _commands(self) -> list[Command]:
        rng, commands, at = self.random("commands"), [], 0.0
        while (at := at + rng.uniform(8, 16)) < self.seconds:
            wait = rng.choice((2.5, 4.0, 6.0, 30.0))
            commands.append(Command(at, rng.choice(_COMMANDS), wait))
        return commands

    def rate(self, service: Service, at: float) -> float:
        """The fraction of a service's requests that have a fault at a second of the run."""
        return max(
            [BASE_RATE]
            + [
                s.rate
                for s in self.fault_periods
                if s.start <= at < s.end and service in s.services
            ]
        )

    def fault(
        self, service: Service, operation: str, number: int, at: float, *, body: bool
    ) -> Fault | None:
        """The fault of the n-th request of this operation, if it comes at this second."""
        rng = self.random(service, operation, number)
        rate = self.rate(service, at)
        if rng.random() >= rate:
            return None
        weights = dict(_WEIGHTS)
        if rate == 1.0:
            # An outage affects every request.
            del weights["slow"], weights["stall"]
        if body and operation in {"PutObject", "UploadPart"}:
            weights["cut"] = 20
        if operation == "TransactWriteItems":
            weights["conflict"] = 20
        kind = rng.choices(list(weights), list(weights.values()))[0]
        if kind == "slow":
            return Fault(kind, rng.uniform(0.2, 4))
        return Fault(kind, rng.uniform(8, 13) if kind == "stall" else 0.0)

    def __str__(self) -> str:
        faults = ", ".join(
            f"{s.start:.0f}-{s.end:.0f}s {'+'.join(s.services)} {s.rate:.0%}"
            for s in self.fault_periods
        )
        kills = " ".join(f"{kill.at:.0f}s:{kill.victim}" for kill in self.kills)
        commands = " ".join(
            f"{command.at:.0f}s:{command.arguments[0]}" for command in self.commands
        )
        return (
            f"seed {self.seed}, {self.seconds:.0f} s\n"
            f"  faults ({BASE_RATE:.0%} otherwise): {faults}\n"
            f"  kills: {kills}\n  commands: {commands}"
        )
