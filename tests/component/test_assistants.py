"""What Google and Alexa are told of the lock, and what they can do with it: docs/voice.md says it to the owner.

Both are asked and commanded through Home Assistant's own handlers, where the requests of their servers arrive.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from homeassistant.components.alexa.smart_home import AlexaConfig
from homeassistant.components.alexa.smart_home import async_handle_message as hear_alexa
from homeassistant.components.google_assistant import GOOGLE_ASSISTANT_SCHEMA
from homeassistant.components.google_assistant.http import GoogleConfig
from homeassistant.components.google_assistant.smart_home import async_handle_message as hear_google
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entityfilter import FILTER_SCHEMA
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockUser
from tests.component.fake_bridge import FakeBridge

from custom_components.driveway.contract import Command, Outcome

pytestmark = pytest.mark.usefixtures("home")

LOCK: Final = "lock.anna"
PIN: Final = "4711"
UNDER_WAY: Final = {"locking": "lock", "unlocking": "unlock"}
TOLD: Final = {"locked": "locked", "unlocked": "unlocked", "driver's door unlocked": "selective_unlocked"}


@asynccontextmanager
async def situation(hass: HomeAssistant, bridge: FakeBridge, name: str) -> AsyncIterator[None]:
    """The lock, as a table names it: told by the car, not told, with a command under way, or without its bridge."""
    if service := UNDER_WAY.get(name):
        bridge.body(lock="locked" if service == "unlock" else "unlocked")
        arrived: asyncio.Future[Command] = hass.loop.create_future()
        bridge.on_command = arrived.set_result
        call = hass.services.async_call("lock", service, {"entity_id": LOCK}, blocking=True)
        pressed = hass.async_create_task(call)
        command = await arrived
        yield
        bridge.confirm(command)
        await pressed
        return
    if name == "bridge away":
        bridge.offline()
    else:
        bridge.body(lock=TOLD.get(name))
    await hass.async_block_till_done()
    yield


# Google --------------------------------------------------------------------------------------------------------------


class Google:
    """Google's side: it asks, and gives commands with what the owner said as the PIN."""

    def __init__(self, hass: HomeAssistant, owner: MockUser, pin: str | None = PIN) -> None:
        settings: dict[str, Any] = {"project_id": "house", "exposed_domains": ["lock"]}
        if pin is not None:
            settings["secure_devices_pin"] = pin
        self._hass = hass
        self._owner = owner.id
        self._config: Any = GoogleConfig(hass, GOOGLE_ASSISTANT_SCHEMA(settings))  # type: ignore[no-untyped-call]

    async def ask(self, intent: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        await self._config.async_initialize()
        message = {"requestId": "1", "inputs": [{"intent": f"action.devices.{intent}", "payload": payload or {}}]}
        answer = await hear_google(  # type: ignore[no-untyped-call]
            self._hass, self._config, self._owner, self._owner, message, "cloud"
        )
        told: dict[str, Any] = answer["payload"]
        return told

    async def state(self) -> Any:
        return (await self.ask("QUERY", {"devices": [{"id": LOCK}]}))["devices"][LOCK]

    async def turn(self, *, lock: bool, pin: str | None = None) -> dict[str, Any]:
        execution: dict[str, Any] = {"command": "action.devices.commands.LockUnlock", "params": {"lock": lock}}
        if pin is not None:
            execution["challenge"] = {"pin": pin}
        return await self.ask("EXECUTE", {"commands": [{"devices": [{"id": LOCK}], "execution": [execution]}]})


@pytest.fixture
def google(hass: HomeAssistant, hass_owner_user: MockUser) -> Google:
    """Google's side, with a PIN set up."""
    return Google(hass, hass_owner_user)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("locked", {"online": True, "isLocked": True}),
        ("unlocked", {"online": True, "isLocked": False}),
        ("driver's door unlocked", {"online": True, "isLocked": False}),
        ("locking", {"online": True, "isLocked": False}),
        ("unlocking", {"online": True, "isLocked": True}),
        ("unknown", {"online": True, "isLocked": False}),
        ("bridge away", {"online": False}),
    ],
)
async def test_what_google_is_told(
    hass: HomeAssistant, bridge: FakeBridge, google: Google, name: str, told: dict[str, Any]
) -> None:
    """A lock that is not known is told as not locked: Google has no third word."""
    async with situation(hass, bridge, name):
        assert await google.state() == told


async def test_google_takes_it_for_a_lock(google: Google) -> None:
    [device] = (await google.ask("SYNC"))["devices"]
    assert (device["id"], device["type"], device["name"]["name"]) == (LOCK, "action.devices.types.LOCK", "Anna")
    assert device["traits"] == ["action.devices.traits.LockUnlock"]


async def test_google_locks_without_a_pin(bridge: FakeBridge, google: Google) -> None:
    bridge.body(lock="unlocked")
    [answer] = (await google.turn(lock=True))["commands"]
    assert (answer["status"], answer["states"]) == ("SUCCESS", {"online": True, "isLocked": True})
    assert [command.command for command in bridge.commands] == ["lock"]


async def test_google_unlocks_with_the_pin(bridge: FakeBridge, google: Google) -> None:
    [answer] = (await google.turn(lock=False, pin=PIN))["commands"]
    assert (answer["status"], answer["states"]) == ("SUCCESS", {"online": True, "isLocked": False})
    assert [command.command for command in bridge.commands] == ["unlock"]


@pytest.mark.parametrize(
    ("kept", "said", "error", "challenge"),
    [
        (PIN, None, "challengeNeeded", {"type": "pinNeeded"}),
        (PIN, "0000", "challengeNeeded", {"type": "challengeFailedPinNeeded"}),
        (PIN, "", "challengeNeeded", {"type": "challengeFailedPinNeeded"}),
        (None, None, "challengeFailedNotSetup", None),
        (None, "0000", "challengeFailedNotSetup", None),
    ],
    ids=["no PIN", "wrong PIN", "empty PIN", "none is set up", "none is set up, but one is said"],
)
async def test_google_does_not_unlock(
    hass: HomeAssistant,
    hass_owner_user: MockUser,
    bridge: FakeBridge,
    kept: str | None,
    said: str | None,
    error: str,
    challenge: object,
) -> None:
    [answer] = (await Google(hass, hass_owner_user, kept).turn(lock=False, pin=said))["commands"]
    assert (answer["status"], answer["errorCode"]) == ("ERROR", error)
    assert answer.get("challengeNeeded") == challenge
    assert bridge.commands == []


async def test_google_hears_that_the_car_did_not_do_it(bridge: FakeBridge, google: Google) -> None:
    """Not why: whatever an entity raises becomes an unknown error on its way to Google."""
    bridge.end(Outcome.REFUSED, "not_in_range")
    assert await google.turn(lock=False, pin=PIN) == {"errorCode": "unknownError"}
    assert await google.state() == {"online": True, "isLocked": True}


async def test_google_hears_that_the_bridge_is_away(bridge: FakeBridge, google: Google) -> None:
    """Home Assistant passes over entities that are not available, and would tell Google of a success."""
    bridge.offline()
    assert await google.turn(lock=True) == {"errorCode": "unknownError"}
    assert bridge.commands == []


# Alexa ---------------------------------------------------------------------------------------------------------------


class Alexa:
    """Alexa's side. The PIN for unlocking is asked for by its app; Home Assistant never sees it."""

    def __init__(self, hass: HomeAssistant, locale: str = "de-DE") -> None:
        settings = {"locale": locale, "filter": FILTER_SCHEMA({"include_domains": ["lock"]})}
        self._hass = hass
        self._config = AlexaConfig(hass, settings)

    async def ask(self, namespace: str, name: str) -> dict[str, Any]:
        await self._config.async_initialize()
        header = {"namespace": namespace, "name": name, "messageId": "1", "payloadVersion": "3"}
        request = {"directive": {"header": header, "endpoint": {"endpointId": "lock#anna"}, "payload": {}}}
        return await hear_alexa(self._hass, self._config, request)

    async def state(self) -> dict[str, Any]:
        answer = await self.ask("Alexa", "ReportState")
        return {told["name"]: told["value"] for told in answer["context"]["properties"]}

    async def turn(self, name: str) -> dict[str, Any]:
        return await self.ask("Alexa.LockController", name)


@pytest.mark.parametrize(
    ("name", "lock", "connectivity"),
    [
        ("locked", "LOCKED", "OK"),
        ("unlocked", "UNLOCKED", "OK"),
        ("driver's door unlocked", "UNLOCKED", "OK"),
        ("locking", "UNLOCKED", "OK"),
        ("unlocking", "LOCKED", "OK"),
        ("unknown", "JAMMED", "OK"),
        ("bridge away", "JAMMED", "UNREACHABLE"),
    ],
)
async def test_what_alexa_is_told(
    hass: HomeAssistant, bridge: FakeBridge, name: str, lock: str, connectivity: str
) -> None:
    """A lock that is not known is told as jammed: Alexa has no other word."""
    async with situation(hass, bridge, name):
        told = await Alexa(hass).state()
        assert told["lockState"] == lock
        assert told["connectivity"] == {"value": connectivity}


@pytest.mark.parametrize(("name", "word"), [("Lock", "LOCKED"), ("Unlock", "UNLOCKED")])
async def test_alexa_is_answered_before_the_car_was_asked(
    hass: HomeAssistant, bridge: FakeBridge, name: str, word: str
) -> None:
    """Home Assistant promises Alexa the end at once; the car's refusal comes after, with the next state report."""
    bridge.body(lock="locked" if name == "Unlock" else "unlocked")
    bridge.end(Outcome.REFUSED, "closures_open")
    alexa = Alexa(hass)
    before = (await alexa.state())["lockState"]
    answer = await alexa.turn(name)
    [told] = [told for told in answer["context"]["properties"] if told["name"] == "lockState"]
    assert (answer["event"]["header"]["name"], told["value"]) == ("Response", word)
    await hass.async_block_till_done()
    assert [command.command for command in bridge.commands] == [name.lower()]
    assert (await alexa.state())["lockState"] == before != word


async def test_alexa_unlocks_only_in_languages_that_have_the_pin(hass: HomeAssistant, bridge: FakeBridge) -> None:
    answer = await Alexa(hass, "pl-PL").turn("Unlock")
    assert answer["event"]["header"]["name"] == "ErrorResponse"
    assert answer["event"]["payload"]["type"] == "INVALID_DIRECTIVE"
    await hass.async_block_till_done()
    assert bridge.commands == []


# Exposure ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("assistant", ["conversation", "cloud.google_assistant", "cloud.alexa"])
async def test_no_assistant_has_the_lock_before_the_owner_gave_it(hass: HomeAssistant, assistant: str) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    assert async_should_expose(hass, assistant, LOCK) is False
