"""Setting up a household: a bridge is found, and its code shows that it is the owner who asks."""

from collections.abc import Mapping
from typing import Any, Final, override

import probatio
from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigFlow, ConfigFlowResult, ConfigSubentryData
from homeassistant.const import CONF_CODE
from homeassistant.helpers import selector
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo

from .const import CONF_BASE_TOPIC, CONF_BRIDGES, CONF_CAR, DOMAIN, VEHICLE
from .contract import CONTRACT, DEFAULT_BASE, Info, Signer, plain_code
from .contract_json import ContractError
from .contract_topics import Topics, valid_base
from .discovery import async_hear_bridges

_BRIDGE: Final = "bridge"
_OTHER: Final = "other"
_COMMAND: Final = "driveway code"
"""What shows the code on the bridge."""

_CODE_FORM: Final = probatio.Schema(
    {
        probatio.Required(probatio.Secret(CONF_CODE)): selector.TextSelector(
            selector.TextSelectorConfig(autocomplete="off")
        )
    }
)


class DrivewayConfigFlow(ConfigFlow, domain=DOMAIN):
    """One flow makes the entry of one base topic."""

    VERSION = 1

    def __init__(self) -> None:
        self._base = DEFAULT_BASE
        self._heard: dict[str, Info] = {}
        self._bridge = ""

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
        await self.async_set_unique_id(base)
        self._abort_if_unique_id_configured()
        self._base = base
        return await self._chosen(info)

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The owner adds Driveway by hand: look under the usual base topic first."""
        if not await mqtt.async_wait_for_mqtt_client(self.hass):
            return self.async_abort(reason="mqtt_not_available")
        if not mqtt.is_connected(self.hass):
            return self.async_abort(reason="broker_away")
        if self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, DEFAULT_BASE):
            return await self.async_step_base_topic()
        return await self._listened(DEFAULT_BASE, {}) or await self.async_step_base_topic()

    async def async_step_base_topic(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the base topic under which the bridge is."""
        errors: dict[str, str] = {}
        if user_input is not None:
            base = user_input[CONF_BASE_TOPIC].strip().strip("/")
            if not valid_base(base):
                errors[CONF_BASE_TOPIC] = "invalid_base_topic"
            elif result := await self._listened(base, errors):
                return result
        schema = probatio.Schema({probatio.Required(CONF_BASE_TOPIC): selector.TextSelector()})
        return self.async_show_form(
            step_id="base_topic",
            data_schema=self.add_suggested_values_to_schema(schema, user_input or {CONF_BASE_TOPIC: DEFAULT_BASE}),
            errors=errors,
        )

    async def _listened(self, base: str, errors: dict[str, str]) -> ConfigFlowResult | None:
        """Go on with the bridges under a base topic; None, and an error, when there are none."""
        await self.async_set_unique_id(base, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        self._base, self._heard = base, await async_hear_bridges(self.hass, base)
        if self._heard:
            return await self.async_step_bridge()
        errors[CONF_BASE_TOPIC] = "no_bridge"
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

    async def _chosen(self, info: Info) -> ConfigFlowResult:
        """Go on with one bridge."""
        if info.contract != CONTRACT:
            return self.async_abort(
                reason="other_contract",
                description_placeholders={"bridge": info.name, "theirs": str(info.contract), "ours": str(CONTRACT)},
            )
        self._bridge = info.bridge
        self._heard[info.bridge] = info
        self.context["title_placeholders"] = {"name": info.name}
        return await self.async_step_code()

    async def async_step_code(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the bridge's code, and check it against what the bridge tells of it."""
        info = self._heard[self._bridge]
        errors: dict[str, str] = {}
        if user_input is not None:
            code = user_input[CONF_CODE]
            if _is_code(code) and not _opens(code, info):
                # The card of a bridge that was found may have been lying there for days.
                self._heard |= await self._hear_again()
                info = self._heard[self._bridge]
            if _opens(code, info):
                return self._create(info, code)
            errors[CONF_CODE] = "code_wrong" if _is_code(code) else "malformed_code"
        return self.async_show_form(
            step_id="code",
            data_schema=self.add_suggested_values_to_schema(_CODE_FORM, user_input),
            errors=errors,
            description_placeholders={"bridge": info.name, "cars": _cars(info), "command": _COMMAND},
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Take a new code; which of the bridges it belongs to, it says itself."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            code = user_input[CONF_CODE]
            self._base = entry.data[CONF_BASE_TOPIC]
            heard = await self._hear_again() if _is_code(code) else {}
            opened = next((bridge for bridge, info in heard.items() if _opens(code, info)), None)
            if opened:
                bridges = {**entry.data[CONF_BRIDGES], opened: {CONF_CODE: _written(code)}}
                return self.async_update_reload_and_abort(entry, data_updates={CONF_BRIDGES: bridges})
            errors[CONF_CODE] = "malformed_code" if not _is_code(code) else "code_wrong" if heard else "no_bridge"
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(_CODE_FORM, user_input),
            errors=errors,
            description_placeholders={"command": _COMMAND},
        )

    def _create(self, info: Info, code: str) -> ConfigFlowResult:
        """Make the entry, with the cars that the bridge has now; later ones come by themselves."""
        return self.async_create_entry(
            title=info.name,
            data={CONF_BASE_TOPIC: self._base, CONF_BRIDGES: {info.bridge: {CONF_CODE: _written(code)}}},
            subentries=[
                ConfigSubentryData(data={CONF_CAR: car.id}, subentry_type=VEHICLE, title=car.name, unique_id=car.id)
                for car in info.cars
            ],
        )

    async def _hear_again(self) -> Mapping[str, Info]:
        """Give the bridges under the base topic now; none when the broker is away."""
        if not await mqtt.async_wait_for_mqtt_client(self.hass) or not mqtt.is_connected(self.hass):
            return {}
        return await async_hear_bridges(self.hass, self._base)


def _cars(info: Info) -> str:
    return ", ".join(car.name for car in info.cars)


def _is_code(text: str) -> bool:
    """Whether it has the form of a code."""
    try:
        plain_code(text)
    except ValueError:
        return False
    return True


def _opens(code: str, info: Info) -> bool:
    """Whether this is a code of the bridge."""
    return _is_code(code) and Signer.from_code(code).client in info.clients


def _written(code: str) -> str:
    """Give a code the form in which the bridge shows it."""
    plain = plain_code(code)
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))
