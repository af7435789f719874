"""The car by voice: Home Assistant's own agent, in English and German, down to the car. docs/voice.md tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import pytest_asyncio

from house.house import LOCK, REACHABLE, House, operate

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

TRUNK: Final = "cover.anna_trunk"
CLIMATE: Final = "climate.anna_climate"
BATTERY: Final = "sensor.anna_battery"
DONE, ANSWER, ERROR = "action_done", "query_answer", "error"
NOT_SAID_WHY: Final = {"en": "An unexpected error occurred", "de": "Es ist ein unerwarteter Fehler aufgetreten"}


@dataclass(frozen=True, slots=True)
class Assist:
    """Home Assistant's agent: words go in, and what it says comes out."""

    house: House

    async def say(self, text: str, language: str) -> tuple[str, str]:
        """Say a sentence; what kind of answer came, and its words."""
        reply = await self.house.websocket.command("conversation/process", text=text, language=language)
        response: Mapping[str, Any] = reply["response"]
        return response["response_type"], response["speech"]["plain"]["speech"]

    async def may_use(self, entity: str, *aliases: str) -> None:
        """Give it an entity, and other names for it beside its own (which is None)."""
        websocket = self.house.websocket
        given = {"assistants": ["conversation"], "entity_ids": [entity], "should_expose": True}
        await websocket.command("homeassistant/expose_entity", **given)
        await websocket.command("config/entity_registry/update", entity_id=entity, aliases=[None, *aliases])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def untold(house: House) -> Assist:
    """Assist as it is before the owner gave it the lock."""
    return Assist(house)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def assist(untold: Assist) -> Assist:
    """Assist as the page about voice has it: the lock given to it, and names that people use."""
    await untold.may_use(LOCK, "car", "Auto")
    await untold.may_use(TRUNK, "trunk", "Kofferraum")
    await untold.may_use(CLIMATE, "car climate", "Klimaanlage")
    await untold.may_use(BATTERY, "car battery", "Autobatterie")
    return untold


async def test_nobody_unlocks_by_voice_what_the_owner_did_not_give(house: House, untold: Assist) -> None:
    exposed = await house.websocket.command("homeassistant/expose_entity/list")
    assert "conversation" not in exposed["exposed_entities"].get(LOCK, {})
    assert await untold.say("unlock Anna", "en") == (ERROR, "Sorry, Anna is not exposed")
    assert house.car.locked


@pytest.mark.parametrize(
    ("language", "unlock", "asked", "lock", "is_unlocked", "is_locked"),
    [
        ("en", "unlock the car", "is the car locked", "lock the car", "No, unlocked", "Yes"),
        ("en", "unlock Anna", "is Anna locked", "lock Anna", "No, unlocked", "Yes"),
        ("de", "schließe das Auto auf", "ist das Auto abgeschlossen", "sperre das Auto ab",
         "Nein, aufgeschlossen", "Ja"),
        ("de", "entriegle Anna", "ist Anna verriegelt", "verriegle Anna", "Nein, aufgeschlossen", "Ja"),
    ],
)  # fmt: skip
async def test_the_lock(
    house: House, assist: Assist, language: str, unlock: str, asked: str, lock: str, is_unlocked: str, is_locked: str
) -> None:
    kind, _ = await assist.say(unlock, language)
    assert kind == DONE
    await house.car.becomes(locked=False)
    await house.websocket.becomes(LOCK, "unlocked", timeout_s=90)
    assert await assist.say(asked, language) == (ANSWER, is_unlocked)
    kind, _ = await assist.say(lock, language)
    assert kind == DONE
    await house.car.becomes(locked=True)
    await house.websocket.becomes(LOCK, "locked", timeout_s=90)
    assert await assist.say(asked, language) == (ANSWER, is_locked)


@pytest.mark.parametrize(
    ("language", "open_it", "asked", "close_it", "is_open", "is_closed"),
    [
        ("en", "open the trunk", "is the trunk open", "close the trunk", "Yes", "No, closed"),
        ("de", "öffne den Kofferraum", "ist der Kofferraum offen", "schließe den Kofferraum",
         "Ja", "Nein, geschlossen"),
    ],
)  # fmt: skip
async def test_the_trunk(
    house: House, assist: Assist, language: str, open_it: str, asked: str, close_it: str, is_open: str, is_closed: str
) -> None:
    kind, _ = await assist.say(open_it, language)
    assert kind == DONE
    await house.car.state.until(lambda state: state["closures"]["rear_trunk"] == "open", timeout_s=90)
    await house.websocket.becomes(TRUNK, "open", timeout_s=90)
    assert await assist.say(asked, language) == (ANSWER, is_open)
    kind, _ = await assist.say(close_it, language)
    assert kind == DONE
    await house.car.state.until(lambda state: state["closures"]["rear_trunk"] == "closed", timeout_s=90)
    await house.websocket.becomes(TRUNK, "closed", timeout_s=90)
    assert await assist.say(asked, language) == (ANSWER, is_closed)


@pytest.mark.parametrize(
    ("language", "on", "off", "asked", "told"),
    [
        ("en", "turn on the car climate", "turn off the car climate", "what is the car battery", "Car battery is {} %"),
        ("de", "schalte die Klimaanlage ein", "schalte die Klimaanlage aus", "wie ist die Autobatterie",
         "Autobatterie ist {} %"),
    ],
)  # fmt: skip
async def test_climate_and_battery(
    house: House, assist: Assist, language: str, on: str, off: str, asked: str, told: str
) -> None:
    kind, _ = await assist.say(on, language)
    assert kind == DONE
    await house.car.state.until(lambda state: state["climate_on"], timeout_s=90)
    await house.websocket.becomes(CLIMATE, "heat_cool", timeout_s=90)
    await house.websocket.states.until(lambda states: states[BATTERY].state.isdecimal(), timeout_s=90)
    assert await assist.say(asked, language) == (ANSWER, told.format(house.websocket.state(BATTERY)))
    kind, _ = await assist.say(off, language)
    assert kind == DONE
    await house.car.state.until(lambda state: not state["climate_on"], timeout_s=90)
    await house.websocket.becomes(CLIMATE, "off", timeout_s=90)


async def test_the_temperature(house: House, assist: Assist) -> None:
    """In English; in German the sentence does not take such a name."""
    assert await assist.say("set the car climate to 23 degrees", "en") == (DONE, "Temperature set to 23 degrees")
    await house.car.state.until(lambda state: state["target_c"] == 23, timeout_s=90)
    kind, _ = await assist.say("how warm is the car climate", "en")
    assert kind == ANSWER


async def test_a_car_that_is_away_is_promised_and_then_not_locked(house: House, assist: Assist) -> None:
    """Assist waits for 0.2 s; what takes longer it takes for done. The lock itself claims nothing."""
    await operate(house, "unlock")
    await house.car.tell("vanish")
    await house.websocket.becomes(REACHABLE, "off", timeout_s=90)
    assert await assist.say("lock the car", "en") == (DONE, "Locking")
    assert await assist.say("is the car locked", "en") == (ANSWER, "No, locking")
    await house.websocket.becomes(LOCK, "unlocked", timeout_s=90)
    assert await assist.say("is the car locked", "en") == (ANSWER, "No, unlocked")
    assert not house.car.locked
    await house.car.tell("return")
    await house.websocket.becomes(REACHABLE, "on", timeout_s=90)
    await operate(house, "lock")


async def test_without_a_bridge_the_refusal_is_spoken(house: House, assist: Assist) -> None:
    """It is quicker than the 0.2 s that Assist waits, or it would be no refusal to it."""
    assert house.bridge.process
    await house.bridge.process.stop()
    await house.websocket.becomes(LOCK, "unavailable", timeout_s=90)
    try:
        for text, language in (
            ("lock the car", "en"),
            ("unlock the car", "en"),
            ("open the trunk", "en"),
            ("turn on the car climate", "en"),
            ("schließe das Auto auf", "de"),
        ):
            assert await assist.say(text, language) == (ERROR, NOT_SAID_WHY[language]), text
        assert await assist.say("is the car locked", "en") == (ANSWER, "No, unavailable")
    finally:
        await house.bridge.restart()
        await house.lock_is_there()
    assert house.car.locked
