"""Reading the audit from the command line, and verifying it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from driveway_bridge.audit.record import Record
from driveway_bridge.audit.trail import FILE, NOTE
from driveway_bridge.audit.writer import Audit
from driveway_bridge.boot import Boot
from driveway_bridge.cli import main
from driveway_bridge.memory import OWN, Batch, Memory, Note
from driveway_bridge.wall_clock import Moment, WallClock

CLIENT = "0123456789abcdef"
RECORD = Record(
    boot_s=1.0,
    who="home",
    client=CLIENT,
    path="mqtt",
    car="car-a",
    command="charge_limit",
    arguments={"percent": 80},
    outcome="refused",
    reason="refused_by_car",
    detail="not_charging",
    sent=True,
)


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments, "--data", str(data)], prog_name="driveway")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What a bridge leaves after a day."""
    written: list[dict[str, object]] = []

    async def day() -> None:
        audit = Audit(tmp_path, Boot(lambda: 0.0), WallClock(right=lambda: True), None, written.append)
        audit.record(RECORD)
        audit.event("clients", added=["nanny"], removed=["wallbox", "script"])
        for _ in range(40):
            audit.record(
                Record(
                    boot_s=2.0,
                    who="unsigned",
                    client=None,
                    path="mqtt",
                    car=None,
                    command=None,
                    outcome="refused",
                    reason="malformed",
                )
            )
        await audit.close()

    asyncio.run(day())
    memory = Memory(tmp_path)
    memory.keep(Batch(notes={(OWN, NOTE): Note(json.dumps(written[-1]), Moment("s", 0.0))}))
    memory.close()
    return tmp_path


def test_it_is_told_in_words(data: Path) -> None:
    shown = run(data, "--last", "100")
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert len(lines) == 15
    assert "The bridge was started, version" in lines[0]
    assert lines[2].endswith("home: charge_limit percent=80 (car-a): refused (refused_by_car not_charging)")
    assert lines[3].endswith("Clients: added nanny; removed wallbox, script.")
    assert lines[4].endswith("unsigned: something (no car of ours): refused (malformed)")
    assert lines[-1].endswith("unsigned: 30 more within a minute did not go to the car (30 malformed).")
    assert run(data, "--last", "1").output.splitlines() == lines[-1:]


def test_for_programs(data: Path) -> None:
    told = json.loads(run(data, "--last", "14", "--json").stdout)
    assert [line["number"] for line in told["lines"]] == list(range(2, 16))


def test_an_untouched_audit_is_whole(data: Path) -> None:
    verified = run(data, "verify")
    assert verified.exit_code == 0
    assert "The audit is whole: each of its 15 lines is as it was written." in verified.output
    told = json.loads(run(data, "verify", "--json").stdout)
    assert (told["whole"], told["number"], told["breaks"], told["remembered"]) == (True, 15, [], True)
    witness = f"{told['number']}:{told['hash']}"
    assert f"Its last line: {witness}" in verified.output
    assert run(data, "verify", "--witness", witness).exit_code == 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda lines: [line.replace(b"percent", b"procent") for line in lines],
            "line 3: line 3, or what stands before",
        ),
        (lambda lines: lines[:4] + lines[6:], "audit.log, line 5: before it lines 5 to 6 are missing."),
        (lambda lines: lines[:5] + lines[4:], "a line too many, with the number 5"),
        (lambda lines: [*lines[:5], b"nonsense\n", *lines[5:]], "audit.log, line 6: what stands there is no line"),
        (lambda lines: lines[:-2], "audit.log: its end is missing: lines 14 to 15."),
        (lambda lines: [], "its end is missing: lines 1 to 15."),
    ],
)
def test_the_first_place_is_named(data: Path, spoil: object, said: str) -> None:
    assert callable(spoil)
    lines = (data / FILE).read_bytes().splitlines(keepends=True)
    (data / FILE).write_bytes(b"".join(spoil(lines)))
    verified = run(data, "verify")
    assert verified.exit_code == 1
    assert "The audit is not whole." in verified.output
    assert said in verified.output
    told = json.loads(run(data, "verify", "--json").stdout)
    assert told["whole"] is False
    assert told["breaks"]


def test_without_a_memory_it_says_what_is_not_known(data: Path) -> None:
    for file in data.glob("memory.db*"):
        file.unlink()
    verified = run(data, "verify")
    assert verified.exit_code == 0
    assert "Whether its end was cut off is not known" in verified.output
    assert not (data / "memory.db").exists(), "to look makes nothing"


def test_a_witness_that_disagrees(data: Path) -> None:
    assert run(data, "verify", "--witness", f"15:{'0' * 64}").exit_code == 1
    assert run(data, "verify", "--witness", f"99:{'0' * 64}").exit_code == 1
    wrong = run(data, "verify", "--witness", "yesterday")
    assert wrong.exit_code == 2
    assert "Give a line's number and its hash" in wrong.output
    assert run(data, "--witness", f"15:{'0' * 64}").exit_code == 2


def test_where_nothing_was_written(tmp_path: Path) -> None:
    assert run(tmp_path).output == "Nothing was written yet.\n"
    assert run(tmp_path, "verify").output == "Nothing was written yet.\n"
    assert list(tmp_path.iterdir()) == []


def test_the_list_of_clients_says_when_they_were_last_used(data: Path) -> None:
    (data / "clients").write_text(
        json.dumps(
            {
                "version": 1,
                "clients": [
                    {
                        "name": "wallbox",
                        "id": CLIENT,
                        "key": "0" * 64,
                        "commands": ["charging"],
                        "per_minute": None,
                        "hours": None,
                        "added": None,
                    }
                ],
            }
        )
    )
    listed = CliRunner().invoke(main, ["clients", "--json", "--data", str(data)])
    [client] = json.loads(listed.stdout)["clients"]
    assert client["used"] is True
    assert client["last_used"] > 0
