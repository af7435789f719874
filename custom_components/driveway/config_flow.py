"""Setting up a household: a bridge is found, and its code shows that it is the owner who asks.

The entry is that of a base topic; each bridge under it is found, and ignored, by itself.
"""

from typing import Any, Final, override

import probatio
from homeassistant.components import mqtt
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_CODE
from homeassistant.core import callback
from homeassistant.helpers import selector
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo

from .bridge_code import is_code, opens, written
from .const import CONF_BASE_TOPIC, CONF_BRIDGES, CONF_CAR, CONF_IGNORED_CARS, DOMAIN, VEHICLE
from .contract import CONTRACT, DEFAULT_BASE, Info
from .contract_json import ContractError
from .contract_topics import Topics, valid_base
from .devices import shown_elsewhere
from .discovery import async_hear_bridges
from .household_flow import BASE_FORM, SHOWS_CODE, HouseholdSteps, found_as, typed_base
from .options_flow import DrivewayOptionsFlow
from .vehicle_flow import VehicleFlow

_BRIDGE: Final = "bridge"
_OTHER: Final = "other"


class DrivewayConfigFlow(HouseholdSteps, domain=DOMAIN):
    """One flow makes the entry of one base topic, or adds a bridge to it."""

    VERSION = 1

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[str, Info] = {}
        self._code = ""

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return DrivewayOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        return {VEHICLE: VehicleFlow}

    # A bridge is found, or sought ------------------------------------------------------------------------------------

    @override
    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        """A bridge made itself known."""
        try:
            info = Info.parse(discovery_info.payload if isinstance(discovery_info.payload, str) else b"")
        except ContractError:
            return self.async_abort(reason="invalid_discovery_info")
        base = discovery_info.topic.removesuffix(f"/{info.bridge}/info")
        if discovery_info.topic != Topics(base, info.bridge).info:
            return self.async_abort(reason="invalid_discovery_info")
        await self.async_set_unique_id(found_as(base, info.bridge))
        self._abort_if_unique_id_configured()  # the owner ignores it
        self._base = base
        if (household := self._household()) and info.bridge in household.data[CONF_BRIDGES]:
            # Its name, version and cars the entry hears by itself, unless it waits for its next try.
            if household.state is ConfigEntryState.SETUP_RETRY:
                self.hass.config_entries.async_schedule_reload(household.entry_id)
            return self.async_abort(reason="already_configured")
        return await self._chosen(info)

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The owner adds Driveway by hand: look under the usual base topic first."""
        if not await mqtt.async_wait_for_mqtt_client(self.hass):
            return self.async_abort(reason="mqtt_not_available")
        if not mqtt.is_connected(self.hass):
            return self.async_abort(reason="broker_away")
        return await self._listened(DEFAULT_BASE, {}) or await self.async_step_base_topic()

    async def async_step_base_topic(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the base topic under which the bridge is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            base = typed_base(user_input)
            if not valid_base(base):
                errors[CONF_BASE_TOPIC] = "invalid_base_topic"
            elif result := await self._listened(base, errors):
                return result
        return self.async_show_form(
            step_id="base_topic",
            data_schema=self.add_suggested_values_to_schema(BASE_FORM, user_input or {CONF_BASE_TOPIC: DEFAULT_BASE}),
            errors=errors,
        )

    async def _listened(self, base: str, errors: dict[str, str]) -> ConfigFlowResult | None:
        """Go on with the bridges under a base topic that are not here yet; None, and an error, when there are none."""
        self._base = base
        heard = await async_hear_bridges(self.hass, base)
        household = self._household()
        known = household.data[CONF_BRIDGES] if household else {}
        self._heard = {bridge: info for bridge, info in heard.items() if bridge not in known}
        if self._heard:
            return await self.async_step_bridge()
        errors[CONF_BASE_TOPIC] = "nothing_new" if heard else "no_bridge"
        return None

    async def async_step_bridge(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose among the bridges that were heard."""
        if user_input is not None:
            if user_input[_BRIDGE] == _OTHER:
                return await self.async_step_base_topic()
            return await self._chosen(self._heard[user_input[_BRIDGE]])
        options = [
            selector.SelectOptionDict(value=bridge, label=f"{info.name} ({_cars(info)})" if info.cars else info.name)
            for bridge, info in sorted(self._heard.items())
        ]
        options.append(selector.SelectOptionDict(value=_OTHER, label=_OTHER))
        choice = selector.SelectSelector(
            selector.SelectSelectorConfig(
                options=options, mode=selector.SelectSelectorMode.LIST, translation_key=_BRIDGE
            )
        )
        return self.async_show_form(
            step_id="bridge",
            data_schema=probatio.Schema({probatio.Required(_BRIDGE, default=options[0]["value"]): choice}),
        )

    # Its code --------------------------------------------------------------------------------------------------------

    async def _chosen(self, info: Info) -> ConfigFlowResult:
        """Go on with one bridge."""
        if info.contract != CONTRACT:
            return self.async_abort(
                reason="other_contract",
                description_placeholders={"bridge": info.name, "theirs": str(info.contract), "ours": str(CONTRACT)},
            )
        self._asked = info.bridge
        self._heard[info.bridge] = info
        self.context["title_placeholders"] = {"name": info.name}
        return await self.async_step_code()

    async def async_step_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the bridge's code, and check it against what the bridge tells of it."""
        info = self._heard[self._asked]
        errors: dict[str, str] = {}
        if user_input is not None:
            code = user_input[CONF_CODE]
            if is_code(code) and not opens(code, info):
                # The card of a bridge that was found may have been lying there for days.
                self._heard |= await self._hear_again()
                info = self._heard[self._asked]
            if opens(code, info):
                self._code = written(code)
                return await self.async_step_cars()
            errors[CONF_CODE] = "code_wrong" if is_code(code) else "malformed_code"
        return self._code_form(
            user_input,
            errors,
            step_id="code",
            placeholders={"bridge": info.name, "cars": _cars(info), "command": SHOWS_CODE},
        )

    async def async_step_cars(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say which cars another household shows already: a car is one device, and stays where it is."""
        info = self._heard[self._asked]
        elsewhere = shown_elsewhere(self.hass, self._base)
        twice = {car.id: car.name for car in info.cars if car.id in elsewhere}
        if twice and user_input is None:
            return self.async_show_form(
                step_id="cars",
                data_schema=probatio.Schema({}),
                description_placeholders={
                    "bridge": info.name,
                    "cars": ", ".join(twice.values()),
                    "household": ", ".join(sorted({elsewhere[car] for car in twice})),
                },
            )
        await self._take_over_what_was_found(info.bridge)
        if household := self._household():
            return self._join(household, info)
        await self.async_set_unique_id(self._base, raise_on_progress=False)
        return self.async_create_entry(
            title=info.name,
            data={CONF_BASE_TOPIC: self._base, CONF_BRIDGES: {info.bridge: {CONF_CODE: self._code}}}
            | ({CONF_IGNORED_CARS: sorted(twice)} if twice else {}),
            subentries=[
                ConfigSubentryData(data={CONF_CAR: car.id}, subentry_type=VEHICLE, title=car.name, unique_id=car.id)
                for car in info.cars
                if car.id not in twice
            ],
        )

    def _join(self, household: ConfigEntry, info: Info) -> ConfigFlowResult:
        """Add the bridge to the entry of its base topic, which starts anew with it; its cars come by themselves."""
        self.context["unique_id"] = self._base  # so that the entry is known to have been found by this bridge too
        bridges = household.data[CONF_BRIDGES] | {info.bridge: {CONF_CODE: self._code}}
        self.hass.config_entries.async_update_entry(household, data=household.data | {CONF_BRIDGES: bridges})
        return self.async_abort(
            reason="bridge_joined", description_placeholders={"bridge": info.name, "household": household.title}
        )


def _cars(info: Info) -> str:
    return ", ".join(car.name for car in info.cars)
