"""What is off until the owner wants it."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

OFF = {"cloud_watch": False, "drill_day": "never", "drill_time": "10:00:00"}
ON = {"cloud_watch": True, "cloud_watch_url": "https://cloud.invalid/", "drill_day": "sunday", "drill_time": "11:30:00"}


def sections(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    cloud = {key: value for key, value in values.items() if key.startswith("cloud")}
    return {"cloud": cloud, "drill": {key: value for key, value in values.items() if key.startswith("drill")}}


def suggested(form: Any) -> dict[str, Any]:
    """What stands in the form when it opens, where that is not the default."""
    return {
        str(key): key.description["suggested_value"]
        for part in form["data_schema"].schema.values()
        for key in part.schema.schema
        if key.description
    }


async def choose(hass: HomeAssistant, entry: MockConfigEntry, **sections: Any) -> Any:
    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "init")
    return await hass.config_entries.options.async_configure(form["flow_id"], sections)


async def test_nothing_is_on_by_itself(hass: HomeAssistant, home: MockConfigEntry) -> None:
    assert dict(home.options) == {}
    await choose(hass, home, cloud={}, drill={})
    assert dict(home.options) == OFF
    await hass.async_block_till_done()


async def test_what_is_chosen_counts_at_once_and_stands_there_the_next_time(
    hass: HomeAssistant, home: MockConfigEntry
) -> None:
    coordinator = home.runtime_data
    result = await choose(hass, home, **sections(ON))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert dict(home.options) == ON
    assert home.runtime_data is not coordinator
    coordinator = home.runtime_data
    form = await hass.config_entries.options.async_init(home.entry_id)
    assert suggested(form) == ON
    await hass.config_entries.options.async_configure(form["flow_id"], sections(ON))
    await hass.async_block_till_done()
    assert home.runtime_data is coordinator  # nothing has changed


@pytest.mark.parametrize("address", ["cloud", "ftp://cloud.invalid", "javascript:alert(1)"])
async def test_what_is_no_address(hass: HomeAssistant, home: MockConfigEntry, address: str) -> None:
    result = await choose(hass, home, **sections(ON | {"cloud_watch_url": address}))
    assert result["errors"] == {"base": "invalid_url"}
    assert suggested(result)["cloud_watch_url"] == address
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], sections(ON | {"cloud_watch_url": ""})
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "cloud_watch_url" not in home.options
    await hass.async_block_till_done()
