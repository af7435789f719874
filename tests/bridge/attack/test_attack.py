"""Somebody who may publish and hear everything tries all that we could think of: the car never moves, and it is told.

The tricks are in the files beside this one. Before and after each the owner unlocks and locks, so that a bridge that
does nothing at all would not pass.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bridge.attack import captured, forged, places, shapes  # noqa: F401 - they put their tricks on the list
from tests.bridge.attack.siege import EVIL, Siege, no_mqtt_5, siege
from tests.bridge.attack.trick import TRICKS, Act, Trick
from tests.bridge.daemon.mosquitto import Mosquitto

pytestmark = pytest.mark.asyncio(loop_scope="module")
LEAST = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def besieged(mosquitto_path: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Siege]:
    folder = tmp_path_factory.mktemp("siege")
    with Mosquitto(mosquitto_path, folder / "broker") as broker:
        broker.start()
        async with siege(broker, folder) as made:
            yield made


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
async def test_the_car_does_not_move(besieged: Siege, trick: Trick) -> None:
    await besieged.do("unlock")
    await besieged.do("lock")
    await trick.act(besieged)
    await besieged.do("unlock")
    await besieged.do("lock")
    assert len(await besieged.moves()) == besieged.wanted
    await besieged.settle()


async def test_who_hands_a_command_on_in_time_has_the_owners_wish_done_once(besieged: Siege) -> None:
    """The limit that the page admits: somebody in between chooses the moment, within the time to live."""
    await besieged.do("lock")
    payload, since = await besieged.signed(), len(besieged.owner.heard)
    command_id = json.loads(json.loads(payload)["document"])["id"]
    await besieged.publish(payload)
    assert (await besieged.owner.final(command_id)).reason == "done"
    besieged.wanted += 1
    await besieged.publish(payload)
    await besieged.refused("replayed", since)
    await besieged.do("lock")
    assert len(await besieged.moves()) == besieged.wanted


async def test_everything_was_reported_and_nothing_repeated(besieged: Siege) -> None:
    """Played after the tricks: all of them are in the audit, and no word of the attacker is."""
    tries = besieged.tries
    if not tries:
        pytest.skip("no trick was played")
    await besieged.stop()
    told: Counter[str] = Counter()
    for line in map(json.loads, (besieged.data / "audit.log").read_text().splitlines()):
        if line["kind"] == "command":
            told[line["reason"]] += 1
            assert line["sent"] == (line["reason"] in ("done", "already_so"))
        elif line["kind"] == "counted":
            told.update(line["reasons"])
    assert {reason: told[reason] for reason in tries if told[reason] < tries[reason]} == {}
    assert told["done"] + told["already_so"] == besieged.wanted
    assert EVIL not in (besieged.data / "audit.log").read_text()
    assert EVIL not in besieged.bridge.log
    assert "Traceback" not in besieged.bridge.log


@pytest.mark.parametrize(
    "act", [captured.stored_for_the_next_start, captured.again, captured.held_back, forged.unsigned]
)
async def test_with_a_broker_of_mqtt_3(mosquitto_path: str, tmp_path: Path, act: Act) -> None:
    """There a command that its sender wants stored is known as such only to those who come later."""
    with Mosquitto(mosquitto_path, tmp_path / "broker") as broker:
        broker.start()
        async with siege(broker, tmp_path, lets_in=no_mqtt_5) as made:
            assert "(MQTT 3.1.1)" in made.bridge.log
            await made.do("unlock")
            await act(made)
            since = len(made.owner.heard)
            await made.publish(b"x" * 10_000_000)
            await made.refused("too_large", since)
            await made.do("lock")
            assert len(await made.moves()) == made.wanted


async def test_there_are_enough_of_them() -> None:
    assert len(TRICKS) >= LEAST
