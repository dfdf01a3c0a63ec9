"""Counters are compared with the records, and repaired."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.files.test_usage import of_owner
from tests.management.helpers import run
from tests.support.files import removal, store
from uploads.files import recount, usage
from uploads.files.usage import Usage

pytestmark = pytest.mark.usefixtures("aws")


def test_the_check_reports_each_counter_that_differs() -> None:
    store("7")
    store("8")
    assert run("recount", "--check") == "The counters agree with the records.\n"
    usage.Counter("owner#7").update([usage.Counter.files.add(2)])
    usage.Counter("owner#8").delete()
    usage.Counter("owner#nobody").update([usage.Counter.bytes.add(1)])
    out = StringIO()
    with pytest.raises(CommandError, match="3 counters differ"):
        call_command("recount", "--check", stdout=out)
    assert out.getvalue().splitlines() == [
        "owner#7: counter 3 files with 5 bytes, records 1 files with 5 bytes",
        "owner#8: counter 0 files with 0 bytes, records 1 files with 5 bytes",
        "owner#nobody: counter 0 files with 1 bytes, records 0 files with 0 bytes",
    ]


def test_the_check_reports_a_limited_number_of_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uploads.management.commands.recount.MAX_NAMED", 2)
    for number in range(5):
        usage.Counter(f"owner#{number}").update([usage.Counter.files.add(2)])
    out = StringIO()
    with pytest.raises(CommandError, match="5 counters differ"):
        call_command("recount", "--check", stdout=out)
    assert out.getvalue().splitlines()[2:] == ["… and 3 more"]


def damage_counters() -> None:
    """A counter as a manual edit may leave it."""
    usage.Counter("owner#7").update([usage.Counter.files.add(2), usage.Counter.bytes.add(-3)])
    usage.Counter("owner#8").delete()
    usage.Counter("owner#nobody").update([usage.Counter.bytes.add(1)])


def test_a_repair_changes_only_what_differs() -> None:
    store("7")
    store("8")
    store("9")
    store("8")
    right = usage.Counter.get("owner#9").attribute_values
    damage_counters()
    out = run("recount", "--repair")
    assert "owner#7: counter 3 files with 2 bytes, records 1 files with 5" in out
    assert out.endswith("3 counters corrected.\n")
    assert recount.differences() == []
    assert (of_owner("7"), of_owner("8"), of_owner("nobody")) == (
        Usage(1, 5),
        Usage(2, 10),
        Usage(),
    )
    assert {owner for owner, _ in usage.owners(10)} == {"7", "8", "9", "nobody"}
    assert usage.Counter.get("owner#9").attribute_values == right
    assert run("recount", "--repair").endswith("0 counters corrected.\n")


@pytest.mark.parametrize("moment", ["before the records are read", "after"])
@pytest.mark.parametrize("change", ["more", "another in its place"])
def test_a_counter_that_changes_during_a_repair_is_read_again(
    monkeypatch: pytest.MonkeyPatch, moment: str, change: str
) -> None:
    first = store("7")
    damage_counters()
    read = recount._stored
    rounds: list[str] = []

    def change_counter() -> None:
        store("7")
        if change == "another in its place":
            removal(first, 10)

    def changing_counters() -> dict[str, Usage]:
        rounds.append("one")
        if len(rounds) == 1 and moment != "after":
            change_counter()
        sums = read()
        if len(rounds) == 1 and moment == "after":
            change_counter()
        return sums

    monkeypatch.setattr(recount, "_stored", changing_counters)
    result = recount.repair()
    assert (len(rounds), result.busy) == (2, 0)
    monkeypatch.undo()
    assert recount.differences() == []
    assert of_owner("7").files == (2 if change == "more" else 1)


def test_counters_that_keep_changing_are_left_and_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store("7")
    damage_counters()
    read = recount._stored

    def changing_counters() -> dict[str, Usage]:
        sums = read()
        store("7")
        return sums

    with monkeypatch.context() as patch:
        patch.setattr(recount, "_stored", changing_counters)
        with pytest.raises(CommandError, match="more may differ: they changed"):
            run("recount", "--repair")
    # The counter is still wrong by the same two files.
    assert of_owner("7") == Usage(4 + 2, 20 - 3)
    assert (of_owner("8"), of_owner("nobody")) == (Usage(), Usage())
    run("recount", "--repair")
    assert recount.differences() == []


@pytest.mark.exhaustive
def test_a_repair_during_traffic_is_right_once_the_traffic_ends() -> None:
    for _ in range(4):
        store("7")
    damage_counters()
    with ThreadPoolExecutor(4) as pool:
        coming = [pool.submit(store, "7") for _ in range(24)]
        going = pool.submit(lambda: [removal(store("8"), 10) for _ in range(6)])
        while not all(task.done() for task in [*coming, going]):
            recount.repair()
        for task in [*coming, going]:
            task.result()
    assert recount.repair().busy == 0
    assert recount.differences() == []
    assert of_owner("7") == Usage(28, 140)
