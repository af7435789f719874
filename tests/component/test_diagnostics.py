"""The report for helpers: everything that they need, nothing that is private."""

import json

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props
from tests.component.fake_bridge import CODE, FakeBridge

from custom_components.driveway.diagnostics import async_get_config_entry_diagnostics


async def test_diagnostics(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge, snapshot: SnapshotAssertion
) -> None:
    report = await async_get_config_entry_diagnostics(hass, home)
    assert report == snapshot(exclude=props("age_s"))
    written = json.dumps(report)
    for private in (CODE, "Anna", "Carport", bridge.signer.client, bridge.signer.key.hex()):
        assert private not in written


async def test_diagnostics_before_the_bridge_was_heard(
    hass: HomeAssistant, entry: MockConfigEntry, snapshot: SnapshotAssertion
) -> None:
    assert await async_get_config_entry_diagnostics(hass, entry) == snapshot
