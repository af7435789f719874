"""A broker that hangs with open connections is found out, and one that only keeps the echo from us is not blamed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import Press
from tests.component.fake_bridge import FakeBridge
from tests.component.test_life_cycle import _success

from custom_components.driveway import broker
from custom_components.driveway.broker import CALL_EVERY, CALLS_FORBIDDEN, CALLS_UNHEARD

LOCK = "lock.anna"
SHOWN_S = 2.0
"""Within this a broker that hangs has to be shown."""


class Gate:
    """Stands between Home Assistant and the broker, and lets things through or not; and is the clock of the echo.

    Made before the household: a slow computer would say something over the broker before a test begins.
    """

    def __init__(self, hass: HomeAssistant, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hass = hass
        self.lets: Callable[[str], bool] = lambda _topic: True
        """Whether what is said there is carried."""
        self.said: list[str] = []
        self._calls: Callable[[datetime], None]
        self._carry = client.publish.side_effect
        client.publish.side_effect = self._publish
        monkeypatch.setattr(broker, "async_track_time_interval", self._track)

    def _publish(self, topic: str, *arguments: Any, **named: Any) -> Any:
        self.said.append(topic)
        through = topic if self.lets(topic) else "nowhere"
        return self._carry(through, *arguments, **named)

    def _track(
        self, _hass: HomeAssistant, calls: Callable[[datetime], None], every: timedelta, **_named: Any
    ) -> CALLBACK_TYPE:
        assert every == CALL_EVERY
        self._calls = calls
        return lambda: None

    async def after(self, calls: int) -> None:
        """The time of so many calls passes."""
        for _ in range(calls):
            self._calls(dt_util.utcnow())
            await self.hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
def closed(hass: HomeAssistant, mqtt_mock: MqttMockHAClient, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """No echo comes through; nobody is at home yet."""
    gate = Gate(hass, mqtt_mock._mqttc, monkeypatch)
    gate.lets = lambda topic: not topic.endswith("/echo")
    return gate


@pytest.fixture
def forbidden(closed: Gate, home: MockConfigEntry) -> Gate:
    """A household whose broker has carried no echo so far, and carries none."""
    return closed


@pytest.fixture
async def gate(forbidden: Gate, home: MockConfigEntry, bridge: FakeBridge) -> Gate:
    """A household whose broker has carried an echo."""
    forbidden.lets = lambda _topic: True
    await forbidden.after(1)
    bridge.tell_clock()
    assert forbidden.said[-1] == f"driveway/home-{home.entry_id[-8:].lower()}/echo"
    return forbidden


def state(hass: HomeAssistant) -> str:
    found = hass.states.get(LOCK)
    assert found
    return found.state


async def reconnect(hass: HomeAssistant, bridge: FakeBridge, mqtt_mock: MqttMockHAClient) -> None:
    mqtt_mock._mqttc.on_disconnect(None, None, 0, 0)
    mqtt_mock._mqttc.on_connect(mqtt_mock._mqttc, None, 0, _success())
    bridge.online()
    await hass.async_block_till_done()


async def test_a_broker_that_hangs(hass: HomeAssistant, gate: Gate, bridge: FakeBridge, press: Press) -> None:
    gate.lets = lambda _topic: False
    await gate.after(CALLS_UNHEARD)
    assert state(hass) == "locked"
    await gate.after(1)
    assert state(hass) == STATE_UNAVAILABLE
    # It may have begun to hang just after an echo: one more of the calls is to be waited for.
    assert (CALLS_UNHEARD + 1) * CALL_EVERY.total_seconds() < SHOWN_S
    with pytest.raises(HomeAssistantError) as refused:
        await press("unlock")
    assert refused.value.translation_key == "broker_away"
    assert bridge.commands == []

    gate.lets = lambda _topic: True
    await gate.after(1)
    assert state(hass) == "locked"
    await press("unlock")
    assert [command.command for command in bridge.commands] == ["unlock"]


async def test_a_broker_that_thaws_has_no_rules_against_the_echo(
    hass: HomeAssistant, gate: Gate, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    """What others said lies in it, too, and may come before the echo; or the connection breaks before that comes."""
    gate.lets = lambda _topic: False
    await gate.after(3 * CALLS_FORBIDDEN)
    bridge.tell_clock()
    assert state(hass) == STATE_UNAVAILABLE
    await reconnect(hass, bridge, mqtt_mock)
    assert state(hass) == STATE_UNAVAILABLE
    gate.lets = lambda _topic: True
    await gate.after(1)
    assert state(hass) == "locked"


@pytest.mark.usefixtures("home")
async def test_a_computer_that_stalls_blames_no_broker(
    hass: HomeAssistant, bridge: FakeBridge, freezer: FrozenDateTimeFactory
) -> None:
    """On the clock of Home Assistant, which makes one call after a stall and not all that were due."""
    for _ in range(2 * CALLS_UNHEARD):
        freezer.tick(20 * CALL_EVERY)
        async_fire_time_changed(hass)
        await hass.async_block_till_done(wait_background_tasks=True)
        bridge.tell_clock()
        assert state(hass) == "locked"


async def test_a_broker_that_never_lets_the_echo_through(
    hass: HomeAssistant, forbidden: Gate, bridge: FakeBridge
) -> None:
    await forbidden.after(3 * CALLS_FORBIDDEN)
    bridge.tell_clock()
    assert state(hass) == "locked"


async def test_an_echo_that_lies_stored_in_the_broker_is_none(
    hass: HomeAssistant, forbidden: Gate, bridge: FakeBridge
) -> None:
    await forbidden.after(1)
    bridge.tell(forbidden.said[-1], "here", retain=True)
    await forbidden.after(CALLS_UNHEARD + 1)
    bridge.tell_clock()
    assert state(hass) == "locked"


async def test_a_broker_whose_rules_forbid_the_echo_from_now_on(
    hass: HomeAssistant, gate: Gate, bridge: FakeBridge
) -> None:
    gate.lets = lambda topic: not topic.endswith("/echo")
    await gate.after(CALLS_UNHEARD + 1)
    for calls in (CALLS_FORBIDDEN - 1, 1):
        bridge.tell_clock()
        assert state(hass) == STATE_UNAVAILABLE
        await gate.after(calls)
    bridge.tell(bridge.topics.health, "{}", retain=True)  # stored long ago
    assert state(hass) == STATE_UNAVAILABLE
    bridge.tell_clock()
    assert state(hass) == "locked"
    await gate.after(2 * CALLS_FORBIDDEN)
    assert state(hass) == "locked"


async def test_a_broker_whose_rules_forbid_the_echo_is_waited_for_once(
    hass: HomeAssistant, forbidden: Gate, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    await reconnect(hass, bridge, mqtt_mock)
    bridge.tell_clock()
    await forbidden.after(CALLS_FORBIDDEN)
    assert state(hass) == STATE_UNAVAILABLE
    bridge.tell_clock()
    assert state(hass) == "locked"
    await reconnect(hass, bridge, mqtt_mock)
    assert state(hass) == "locked"


async def test_a_reconnect_before_the_first_echo_waits_for_it(
    hass: HomeAssistant, forbidden: Gate, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    await reconnect(hass, bridge, mqtt_mock)
    assert state(hass) == STATE_UNAVAILABLE
    forbidden.lets = lambda _topic: True
    await forbidden.after(1)
    bridge.tell_clock()
    assert state(hass) == "locked"


async def test_after_a_reconnect_commands_wait_until_their_results_are_heard(
    hass: HomeAssistant, gate: Gate, bridge: FakeBridge, mqtt_mock: MqttMockHAClient
) -> None:
    await reconnect(hass, bridge, mqtt_mock)
    assert state(hass) == STATE_UNAVAILABLE
    await gate.after(1)
    assert state(hass) == "locked"
