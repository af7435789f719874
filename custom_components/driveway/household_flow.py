"""Changing a household that is set up: a new code, another base topic, a key that a car has dropped."""

from collections.abc import Mapping
from typing import Any, Final, override

import probatio
from homeassistant.components import mqtt
from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_REAUTH,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowContext,
    ConfigFlowResult,
    UnknownEntry,
)
from homeassistant.const import CONF_CODE
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers import selector

from .bridge_code import is_code, opens, written
from .const import CONF_BASE_TOPIC, CONF_BRIDGES, CONF_CAR, DOMAIN
from .contract import DEFAULT_BASE, Info
from .contract_topics import valid_base
from .coordinator import DrivewayConfigEntry
from .discovery import async_hear_bridges, async_take_back_presence
from .pairing_flow import PairingSteps
from .reauth import CONF_BRIDGE

SHOWS_CODE: Final = "driveway code"
"""What shows the code on the bridge."""

CODE_FORM: Final = probatio.Schema(
    {
        probatio.Required(probatio.Secret(CONF_CODE)): selector.TextSelector(
            selector.TextSelectorConfig(autocomplete="off")
        )
    }
)
BASE_FORM: Final = probatio.Schema({probatio.Required(CONF_BASE_TOPIC): selector.TextSelector()})


class HouseholdSteps(PairingSteps[ConfigFlowContext, ConfigFlowResult, str], ConfigFlow):
    """The steps for an entry that is there: changing it, and what only the owner can put right."""

    def __init__(self) -> None:
        self._base = DEFAULT_BASE
        self._asked = ""
        """The bridge whose code is asked for; empty: any."""

    # What is here already --------------------------------------------------------------------------------------------

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what has changed."""
        return self.async_show_menu(step_id="reconfigure", menu_options=["new_code", "new_base_topic"])

    async def async_step_new_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a new code; which of the bridges it belongs to, it says itself."""
        entry = self._entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            code = user_input[CONF_CODE]
            self._base = entry.data[CONF_BASE_TOPIC]
            heard = await self._hear_again() if is_code(code) else {}
            wanted = [info for info in heard.values() if self._asked in ("", info.bridge)]
            opened = next((info.bridge for info in wanted if opens(code, info)), None)
            if opened:
                await self._take_over_what_was_found(opened)  # it may be one that had not joined yet
                bridges = entry.data[CONF_BRIDGES] | {opened: {CONF_CODE: written(code)}}
                return self.async_update_and_abort(entry, data_updates={CONF_BRIDGES: bridges}, reason="new_code")
            errors[CONF_CODE] = "malformed_code" if not is_code(code) else "code_wrong" if heard else "no_bridge"
        return self._code_form(
            user_input,
            errors,
            step_id="new_code",
            placeholders={"bridge": self._name_of_asked(entry), "command": SHOWS_CODE},
        )

    async def async_step_new_base_topic(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Follow the bridges to another base topic: at least one of them has to be heard there."""
        entry = self._entry()
        old: str = entry.data[CONF_BASE_TOPIC]
        errors: dict[str, str] = {}
        if user_input is not None:
            base = self._base = typed_base(user_input)
            if not valid_base(base):
                errors[CONF_BASE_TOPIC] = "invalid_base_topic"
            elif (other := self._household()) and other is not entry:
                errors[CONF_BASE_TOPIC] = "base_topic_taken"
            else:
                heard = await self._hear_again()
                held = entry.data[CONF_BRIDGES]
                if any(opens(held[bridge][CONF_CODE], info) for bridge, info in heard.items() if bridge in held):
                    if base != old:
                        await async_take_back_presence(self.hass, old, held)
                    await self._take_over_what_was_found(*held)
                    return self.async_update_and_abort(
                        entry, unique_id=base, data_updates={CONF_BASE_TOPIC: base}, reason="new_base_topic"
                    )
                errors[CONF_BASE_TOPIC] = "other_bridges" if heard else "no_bridge"
        return self.async_show_form(
            step_id="new_base_topic",
            data_schema=self.add_suggested_values_to_schema(BASE_FORM, user_input or {CONF_BASE_TOPIC: old}),
            errors=errors,
        )

    # What only the owner can put right -------------------------------------------------------------------------------

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """A car has dropped the key of a bridge, or a bridge has a new code."""
        self._asked = self._bridge = entry_data[CONF_BRIDGE]
        if CONF_CAR not in entry_data:
            return await self.async_step_new_code()
        self._car = entry_data[CONF_CAR]
        return await self.async_step_pair()

    @override
    def household_entry(self) -> DrivewayConfigEntry:
        return self._get_reauth_entry()

    @override
    async def async_paired(self, end: str) -> ConfigFlowResult:
        return self.async_abort(reason=end, description_placeholders=self._names())

    # What they share -------------------------------------------------------------------------------------------------

    def _household(self) -> ConfigEntry | None:
        """Give the entry of the base topic."""
        entry = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, self._base)
        return None if entry is None or entry.source == SOURCE_IGNORE else entry

    async def _take_over_what_was_found(self, *bridges: str) -> None:
        """End the cards of bridges that the owner has just set up, and that they are ignored."""
        for found in (found_as(self._base, bridge) for bridge in bridges):
            for flow in self._async_in_progress(include_uninitialized=True, match_context={"unique_id": found}):
                self.hass.config_entries.flow.async_abort(flow["flow_id"])
            ignored = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, found)
            if ignored is not None and ignored.source == SOURCE_IGNORE:
                await self.hass.config_entries.async_remove(ignored.entry_id)

    def _entry(self) -> ConfigEntry:
        try:
            return self._get_reauth_entry() if self.source == SOURCE_REAUTH else self._get_reconfigure_entry()
        except UnknownEntry as error:
            raise AbortFlow("no_household") from error

    def _name_of_asked(self, entry: DrivewayConfigEntry) -> str:
        """Give the name of the bridge whose code is asked for; of any, that of the household."""
        if entry.state is not ConfigEntryState.LOADED or self._asked not in entry.runtime_data.household.bridges:
            return entry.title
        info = entry.runtime_data.household.bridges[self._asked].info
        return info.name if info else entry.title

    def _code_form(
        self, entered: dict[str, Any] | None, errors: dict[str, str], *, step_id: str, placeholders: dict[str, str]
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(CODE_FORM, entered),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _hear_again(self) -> Mapping[str, Info]:
        """Give the bridges under the base topic now; none when the broker is away."""
        if not await mqtt.async_wait_for_mqtt_client(self.hass) or not mqtt.is_connected(self.hass):
            return {}
        return await async_hear_bridges(self.hass, self._base)


def found_as(base: str, bridge: str) -> str:
    """Give what a bridge is found, and ignored, by. The entry itself has the base topic for its unique id."""
    return f"{base}/{bridge}"


def typed_base(entered: Mapping[str, Any]) -> str:
    return str(entered[CONF_BASE_TOPIC]).strip().strip("/")
