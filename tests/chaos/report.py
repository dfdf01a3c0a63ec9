"""The report of a chaos run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.plan import Plan


@dataclass
class Report:
    """What happened in a chaos run. `problems` is empty if every invariant holds."""

    plan: Plan
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    recovered: float = 0.0
    uploads: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    requests: int = 0
    events: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    stored: int = 0
    webhooks: int = 0
    #: What happened to connections to the scanner for malware, and how often it was killed.
    scanner: Counter[str] = field(default_factory=Counter)
    infected: int = 0
    #: Seconds per phase.
    phases: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds: Counter[str] = Counter()
        services: Counter[str] = Counter()
        for (service, _, kind), number in self.faults.items():
            kinds[kind] += number
            services[service] += number
        lines = [
            f"chaos run with {self.plan}",
            f"  uploads begun: {self.begun} ({_listing(self.uploads)})",
            f"  killed: {self.kills.total()} ({_listing(self.kills)})",
            f"  faults: {self.faults.total()} in {self.requests} requests "
            f"({_listing(services)}; {_listing(kinds)})",
            f"  by operation: {_listing(_by_operation(self.faults))}",
            f"  events: {_listing(self.events)}",
            f"  dead letters: {_listing(self.dead) or 'none'}",
            f"  webhooks: {self.webhooks}",
            f"  scanner: {_listing(self.scanner) or 'none'}; {self.infected} in quarantine",
            f"  recovered {self.recovered:.0f} s after the last fault, {self.seconds:.0f} s in all "
            f"({', '.join(f'{name} {took:.0f} s' for name, took in self.phases.items())})",
        ]
        if self.problems:
            lines += [f"  {len(self.problems)} PROBLEMS:"]
            lines += [f"    {problem}" for problem in self.problems[:50]]
        else:
            lines += [
                f"  everything agrees: {self.stored} files stored, recorded, counted and listed"
            ]
        return "\n".join(lines)


def _listing(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.most_common())


def _by_operation(faults: Counter[tuple[str, str, str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (_, operation, kind), number in faults.items():
        counts[f"{operation} {kind}"] += number
    return counts
