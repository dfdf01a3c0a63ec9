"""What a storm does, worked out from its seed alone: weather, kills, what happens to which request.

The same seed gives the same plan. It does not give the same storm: which request is the n-th of its
kind, and what the killed process was doing, is up to the scheduler. A seed that failed is therefore
likely, not certain, to fail again; run it longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

Service = Literal["s3", "sqs", "dynamodb"]
SERVICES: tuple[Service, ...] = get_args(Service)

#: What can happen to a request:
#: error - refused with a 503; throttle - refused as too fast; conflict - a transaction met another;
#: reset - broken off before it was passed on; lost - passed on, and broken off instead of answered;
#: cut - half of its body passed on, then broken off; slow - passed on after a while;
#: stall - passed on, and not answered until the client has given up (or nearly).
Kind = Literal["error", "throttle", "conflict", "reset", "lost", "cut", "slow", "stall"]

_WEIGHTS: dict[Kind, int] = {
    "lost": 34, "error": 18, "throttle": 16, "reset": 16, "slow": 13, "stall": 3,
}  # fmt: skip

Victim = Literal["web", "consumer", "worker", "child", "beat"]
_VICTIMS: dict[Victim, int] = {"worker": 5, "child": 6, "consumer": 6, "web": 2, "beat": 2}

#: Faults between the spells of bad weather: so many of all requests.
DRIZZLE = 0.05


@dataclass(frozen=True)
class Spell:
    """Bad weather, in seconds from the beginning; `rate` of the requests to the services suffer."""

    start: float
    end: float
    services: tuple[Service, ...]
    rate: float


@dataclass(frozen=True)
class Kill:
    """`kill -9` at a second from the beginning; the process is started again `down` seconds later.

    A child is a process of the worker's pool; the worker itself replaces it.
    """

    at: float
    victim: Victim
    down: float


@dataclass(frozen=True)
class Command:
    """An operator's command of manage.py, killed after a while unless it has ended before."""

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
    """What is done to one request; `seconds` for slow and stall."""

    kind: Kind
    seconds: float = 0.0


class Plan:
    """Everything about a storm that is decided beforehand."""

    def __init__(self, seed: int, seconds: float) -> None:
        self.seed = seed
        self.seconds = seconds
        self.spells = tuple(self._spells())
        self.kills = tuple(self._kills())
        self.commands = tuple(self._commands())

    def random(self, *names: object) -> Random:
        """A source of chance that depends on the seed and these names alone."""
        return Random("/".join(map(str, (self.seed, *names))))

    def _spells(self) -> list[Spell]:
        chance, spells, at = self.random("weather"), [], 0.0
        while True:
            at += chance.uniform(0.5, 4)
            length = chance.uniform(1.5, 6)
            rate = chance.choice((0.15, 0.25, 0.4, 0.6, 1.0))
            if rate == 1.0:
                # Long enough that tasks fail: filehub's own clients try for some seconds.
                length += 6
            if at + length > self.seconds:
                return spells
            services = chance.choice([*((each,) for each in SERVICES), SERVICES])
            spells.append(Spell(at, at + length, services, rate))
            at += length

    def _kills(self) -> list[Kill]:
        chance, kills, at = self.random("kills"), [], 1.0
        while True:
            at += chance.uniform(0.8, 4.0)
            if at > self.seconds - 1:
                return kills
            victim = chance.choices(list(_VICTIMS), list(_VICTIMS.values()))[0]
            kills.append(Kill(at, victim, chance.choice((0.0, 0.0, 0.5, 2.0))))

    def _commands(self) -> list[Command]:
        chance, commands, at = self.random("commands"), [], 0.0
        while (at := at + chance.uniform(8, 16)) < self.seconds:
            wait = chance.choice((2.5, 4.0, 6.0, 30.0))
            commands.append(Command(at, chance.choice(_COMMANDS), wait))
        return commands

    def rate(self, service: Service, at: float) -> float:
        """The share of requests to a service that suffer, at a second of the storm."""
        return max(
            [DRIZZLE]
            + [s.rate for s in self.spells if s.start <= at < s.end and service in s.services]
        )

    def fault(
        self, service: Service, operation: str, number: int, at: float, *, body: bool
    ) -> Fault | None:
        """What happens to the n-th request of this operation, if it comes at this second."""
        chance = self.random(service, operation, number)
        rate = self.rate(service, at)
        if chance.random() >= rate:
            return None
        weights = dict(_WEIGHTS)
        if rate == 1.0:
            # An outage is one for everybody.
            del weights["slow"], weights["stall"]
        if body and operation in {"PutObject", "UploadPart"}:
            weights["cut"] = 20
        if operation == "TransactWriteItems":
            weights["conflict"] = 20
        kind = chance.choices(list(weights), list(weights.values()))[0]
        if kind == "slow":
            return Fault(kind, chance.uniform(0.2, 4))
        return Fault(kind, chance.uniform(8, 13) if kind == "stall" else 0.0)

    def __str__(self) -> str:
        weather = ", ".join(
            f"{s.start:.0f}-{s.end:.0f}s {'+'.join(s.services)} {s.rate:.0%}" for s in self.spells
        )
        kills = " ".join(f"{kill.at:.0f}s:{kill.victim}" for kill in self.kills)
        commands = " ".join(f"{each.at:.0f}s:{each.arguments[0]}" for each in self.commands)
        return (
            f"seed {self.seed}, {self.seconds:.0f} s\n"
            f"  weather ({DRIZZLE:.0%} otherwise): {weather}\n"
            f"  kills: {kills}\n  commands: {commands}"
        )
