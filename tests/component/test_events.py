"""What happens to a car: told once, to event entities and to the lock, and never out of the broker's store."""

from collections.abc import Callable
from typing import Any

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.conftest import Press
from tests.component.fake_bridge import ANNA, FakeBridge
from tests.component.test_entities import state

from custom_components.driveway.contract import Command, Outcome

LOCK = "event.anna_lock_used"
DRIVE = "event.anna_drive"
PAIRING = "event.anna_pairing"


def last(hass: HomeAssistant, entity_id: str) -> dict[str, Any]:
    """What happened last, without what is always there."""
    shown = hass.states.get(entity_id)
    assert shown is not None
    assert (shown.state == STATE_UNKNOWN) is (shown.attributes["event_type"] is None)
    return {name: shown.attributes[name] for name in ("event_type", "by", "reason") if name in shown.attributes}


def changed_by(hass: HomeAssistant) -> object:
    lock = hass.states.get("lock.anna")
    assert lock is not None
    return lock.attributes.get("changed_by")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("told", "by", "shown"),
    [
        ({"by": "client"}, "client", "MQTT client"),
        ({"by": "client", "client": "3f0a9c11d2e4b567"}, "client", "MQTT client"),
        ({"by": "plain"}, "plain", "MQTT"),
        ({"by": "page"}, "page", "Bridge"),
        ({"by": "other"}, "other", "Other key"),
        ({"by": "thought"}, None, None),
        ({"by": "home_assistant"}, None, None),
        ({}, None, None),
    ],
)
async def test_who_unlocked(
    hass: HomeAssistant, bridge: FakeBridge, told: dict[str, Any], by: str | None, shown: str | None
) -> None:
    assert last(hass, LOCK) == {"event_type": None}
    bridge.event("unlocked", **told)
    assert last(hass, LOCK) == {"event_type": "unlocked", "by": by}
    assert changed_by(hass) is None  # the car has not reported it yet
    bridge.body(lock="unlocked")
    assert changed_by(hass) == shown


@pytest.mark.usefixtures("home")
async def test_it_was_home_assistant(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.body(lock="unlocked")
    bridge.event("unlocked", by="client", client=bridge.signer.client)
    assert last(hass, LOCK) == {"event_type": "unlocked", "by": "home_assistant"}
    assert changed_by(hass) == "Home Assistant"
    bridge.body(lock="unlocked")
    assert changed_by(hass) == "Home Assistant"

    # Somebody locks, and nobody says who; later somebody unlocks, and that was not Home Assistant either.
    bridge.body(lock="locked")
    assert changed_by(hass) is None
    bridge.body(lock="unlocked")
    assert changed_by(hass) is None


@pytest.mark.usefixtures("home")
async def test_a_bridge_that_tells_no_events_is_believed_its_results(
    hass: HomeAssistant, bridge: FakeBridge, press: Press
) -> None:
    await press("unlock")
    assert changed_by(hass) == "Home Assistant"
    bridge.body(lock="locked")
    assert changed_by(hass) is None

    def already_so(command: Command) -> None:
        bridge.result(command, Outcome.ACCEPTED)
        bridge.result(command, Outcome.CONFIRMED, "already_so")

    bridge.on_command = already_so
    await press("lock")
    assert changed_by(hass) is None


@pytest.mark.usefixtures("home")
async def test_drives(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.event("drove_off")
    assert last(hass, DRIVE) == {"event_type": "drove_off"}
    first = state(hass, DRIVE)
    bridge.event("arrived")
    assert last(hass, DRIVE) == {"event_type": "arrived"}
    assert state(hass, DRIVE) != first
    assert last(hass, LOCK) == {"event_type": None}


@pytest.mark.usefixtures("every_entity_enabled", "home")
@pytest.mark.parametrize(
    ("stage", "shown"),
    [
        ("card", {"event_type": "card"}),
        ("role", {"event_type": "role"}),
        ("done", {"event_type": "paired", "reason": "done"}),
        ("already_enrolled", {"event_type": "paired", "reason": "already_enrolled"}),
        ("card_not_tapped", {"event_type": "failed", "reason": "card_not_tapped"}),
        ("dance", {"event_type": None}),
        ("paired", {"event_type": None}),
        (None, {"event_type": None}),
    ],
)
async def test_pairing(hass: HomeAssistant, bridge: FakeBridge, stage: str | None, shown: dict[str, Any]) -> None:
    bridge.event("pairing", stage=stage)
    assert last(hass, PAIRING) == shown


async def test_what_lies_stored_or_is_not_known_has_not_happened(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, complaints: Callable[[], list[str]]
) -> None:
    bridge.event("unlocked", by="other", retain=True)
    bridge.event("washed")
    bridge.tell(bridge.topics.event(ANNA.id), "not JSON")
    assert last(hass, LOCK) == last(hass, DRIVE) == {"event_type": None}
    bridge.body(lock="unlocked")
    assert changed_by(hass) is None
    assert complaints() == []


async def test_an_unloaded_entry_hears_nothing(hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge) -> None:
    coordinator = home.runtime_data
    assert await hass.config_entries.async_unload(home.entry_id)
    assert not any(coordinator.listeners._event_listeners.values())
    bridge.event("unlocked", by="other")
    assert state(hass, LOCK) == "unavailable"
