"""A broker that hangs with open connections is found out, and one that only keeps the echo from us is not blamed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import MqttMockHAClient
from tests.component.conftest import Press
from tests.component.fake_bridge import FakeBridge
from tests.component.test_life_cycle import _success

from custom_components.driveway.broker import CALL_EVERY, CALLS_FORBIDDEN, CALLS_UNHEARD

LOCK = "lock.anna"
SHOWN_S = 2.0
"""Within this a broker that hangs has to be shown."""


class Gate:
    """Stands between Home Assistant and the broker, and lets things through or not."""

    def __init__(self, hass: HomeAssistant, client: Any, freezer: FrozenDateTimeFactory) -> None:
        self.hass = hass
        self.lets: Callable[[str], bool] = lambda _topic: True
        """Whether what is said there is carried."""
        self.said: list[str] = []
        self._freezer = freezer
        self._carry = client.publish.side_effect
        client.publish.side_effect = self._publish

    def _publish(self, topic: str, *arguments: Any, **named: Any) -> Any:
        self.said.append(topic)
        through = topic if self.lets(topic) else "nowhere"
        return self._carry(through, *arguments, **named)

    async def after(self, calls: int, *, at_once: bool = False) -> None:
        """The time of so many calls passes; `at_once`: Home Assistant stalls, and makes only the last of them."""
        for step in (calls,) if at_once else (1,) * calls:
            self._freezer.tick(CALL_EVERY * step + timedelta(milliseconds=1))
            async_fire_time_changed(self.hass)
            await self.hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
async def gate(
    hass: HomeAssistant,
    home: MockConfigEntry,
    bridge: FakeBridge,
    mqtt_mock: MqttMockHAClient,
    freezer: FrozenDateTimeFactory,
) -> Gate:
    """A household whose broker has carried an echo."""
    gate = Gate(hass, mqtt_mock._mqttc, freezer)
    await gate.after(1)
    bridge.tell_clock()
    assert gate.said[-1] == f"driveway/home-{home.entry_id[-8:].lower()}/echo"
    return gate


@pytest.fixture
def forbidden(
    hass: HomeAssistant, home: MockConfigEntry, mqtt_mock: MqttMockHAClient, freezer: FrozenDateTimeFactory
) -> Gate:
    """A household whose broker has carried no echo so far, and carries none."""
    gate = Gate(hass, mqtt_mock._mqttc, freezer)
    gate.lets = lambda topic: not topic.endswith("/echo")
    return gate


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


async def test_a_computer_that_stalls_blames_no_broker(hass: HomeAssistant, gate: Gate, bridge: FakeBridge) -> None:
    for _ in range(2 * CALLS_UNHEARD):
        await gate.after(20, at_once=True)
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
