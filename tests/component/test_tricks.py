"""Tricks on Home Assistant by somebody who may publish anything on the broker: he speaks in the bridge's name.

docs/security.md tells of these beside the tricks on the bridge.
"""

from dataclasses import replace

import pytest
from homeassistant.components.lock.const import LockState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.conftest import Press
from tests.component.fake_bridge import ANNA, OTHER_CODE, FakeBridge

from custom_components.driveway import commands, lock
from custom_components.driveway.contract import Clock, Command, Outcome, Signer
from custom_components.driveway.contract_topics import Topics

THIEF = Signer.from_code(OTHER_CODE)


@pytest.fixture(autouse=True)
def _home(home: MockConfigEntry) -> None:
    """The household with its bridge there."""


def state(hass: HomeAssistant) -> str:
    current = hass.states.get("lock.anna")
    assert current is not None
    return current.state


@pytest.mark.parametrize("signers", [[], [THIEF], [Signer(Signer.from_code(OTHER_CODE).client, b"")]])
async def test_a_forged_clock_dates_no_command(
    bridge: FakeBridge, press: Press, caplog: pytest.LogCaptureFixture, signers: list[Signer]
) -> None:
    """Else he could have an unlock signed for later, catch it while the bridge is away, and use it in the night."""
    for ahead in (0.5, 3600.0, -3600.0):
        clock = Clock.signed("boot1", bridge.now + ahead, signers)
        forged = replace(clock, signatures={bridge.signer.client: "0" * 64, **clock.signatures})
        bridge.tell(bridge.topics.clock, forged.payload())
    await press("unlock")
    [command] = bridge.commands
    assert bridge.now <= command.issued < bridge.now + 10.0
    assert caplog.text.count("is not believed (bad_signature)") == 1


async def test_a_forged_clock_of_another_start_is_not_taken(bridge: FakeBridge, press: Press) -> None:
    bridge.tell(bridge.topics.clock, Clock.signed("boot2", 1.0, [THIEF]).payload())
    await press("unlock")
    assert bridge.commands[0].boot == "boot1"


async def test_a_genuine_clock_that_is_told_again_makes_commands_older_and_never_younger(
    bridge: FakeBridge, press: Press
) -> None:
    old = Clock.signed("boot1", bridge.now - 300.0, [bridge.signer]).payload()
    bridge.tell(bridge.topics.clock, old)
    await press("unlock")
    assert bridge.commands[0].issued < bridge.now - 290.0  # and the bridge refuses it


async def test_a_code_that_is_no_longer_the_bridges_is_named(
    bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "CLOCK_LASTS_S", -1.0)
    monkeypatch.setattr(commands, "CLOCK_WITHIN_S", 0.05)
    bridge.signer = THIEF  # the owner has made a new code
    with pytest.raises(HomeAssistantError) as raised:
        await press("unlock")
    assert raised.value.translation_key == "unknown_client"
    assert bridge.commands == []


async def test_a_forged_confirmation_changes_nothing_that_is_shown(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He answers before the bridge does. Shown is what the car said."""
    monkeypatch.setattr(lock, "SHOWN_WITHIN_S", 0.05)
    bridge.on_command = lambda command: bridge.result(command, Outcome.CONFIRMED, "done")
    await press("unlock")
    assert state(hass) == LockState.LOCKED


async def test_a_second_end_that_contradicts_the_first_is_told(
    bridge: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The bridge ends each command once, so one of the two is not its word."""
    monkeypatch.setattr(lock, "SHOWN_WITHIN_S", 0.05)

    def forged_then_genuine(command: Command) -> None:
        bridge.result(command, Outcome.CONFIRMED, "done")
        bridge.result(command, Outcome.REFUSED, "closures_open")

    bridge.on_command = forged_then_genuine
    await press("unlock")
    assert "ended twice, as confirmed and as refused" in caplog.text


async def test_a_bridge_that_he_invents_gets_no_command(
    hass: HomeAssistant, bridge: FakeBridge, press: Press, home: MockConfigEntry
) -> None:
    invented = FakeBridge(hass, code=OTHER_CODE)
    invented.info = replace(bridge.info, bridge="bridge-deadbeef")
    invented.topics = Topics(bridge.topics.base, "bridge-deadbeef")
    await invented.come_up()
    await press("unlock")
    assert [command.car for command in bridge.commands] == [ANNA.id]
    assert set(home.runtime_data.household.bridges) == {bridge.info.bridge}


async def test_forged_words_of_presence_and_away_leave_commands_as_they_are(
    hass: HomeAssistant, bridge: FakeBridge, press: Press
) -> None:
    bridge.link(reachable=False, why_not="EVIL")
    bridge.announce(cars=())
    bridge.offline()
    assert bridge.commands == []
    bridge.announce(cars=(ANNA,))
    await bridge.come_up()
    await press("unlock")
    assert state(hass) == LockState.UNLOCKED
