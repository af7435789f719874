"""The dialogs of a vehicle: pairing and adding one, pairing again, and the way through the cloud."""

from typing import Any, Final, override

import probatio
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowContext,
    SubentryFlowResult,
    UnknownEntry,
    UnknownSubEntry,
)
from homeassistant.const import Platform
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import selector

from .const import CONF_CAR, CONF_ROUTE, DOMAIN
from .coordinator import DrivewayConfigEntry
from .devices import cars_of, shown_elsewhere
from .pairing_flow import PairingSteps
from .reauth import CONF_BRIDGE

_ROUTE_FORM: Final = probatio.Schema(
    {probatio.Optional(CONF_ROUTE): selector.EntitySelector(selector.EntitySelectorConfig(domain=Platform.LOCK.value))}
)


class VehicleFlow(PairingSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]], ConfigSubentryFlow):
    """The dialogs of one vehicle."""

    @override
    def household_entry(self) -> DrivewayConfigEntry:
        try:
            return self._get_entry()
        except UnknownEntry as error:
            raise AbortFlow("no_car") from error

    def _subentry(self) -> ConfigSubentry:
        """Give the car that is to be changed."""
        self.household_entry()
        try:
            return self._get_reconfigure_subentry()
        except UnknownSubEntry as error:
            raise AbortFlow("no_car") from error

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose one of the cars that the bridges have."""
        if user_input is not None:
            self._car = user_input[CONF_CAR]
            return await self._chosen()
        entry, coordinator = self.household_entry(), self._coordinator()
        elsewhere = shown_elsewhere(self.hass, coordinator.base)
        told = [known for bridge in coordinator.household for known in bridge.fleet]
        cars = {known.id: known.name for known in told if known.id not in elsewhere}
        if not cars:
            return self.async_abort(
                reason="cars_elsewhere" if any(known.id in elsewhere for known in told) else "no_cars",
                description_placeholders={"household": ", ".join(sorted(set(elsewhere.values())))},
            )
        if len(cars) == 1:
            [self._car] = cars
            return await self._chosen()
        shown = cars_of(entry)
        order = sorted(cars, key=lambda car: (car in shown, cars[car]))  # first those that are not here yet
        options = [selector.SelectOptionDict(value=car, label=cars[car]) for car in order]
        choice = selector.SelectSelector(
            selector.SelectSelectorConfig(options=options, mode=selector.SelectSelectorMode.LIST)
        )
        return self.async_show_form(
            step_id="user", data_schema=probatio.Schema({probatio.Required(CONF_CAR, default=order[0]): choice})
        )

    async def _chosen(self) -> SubentryFlowResult:
        """Go on with one car."""
        if self._car in cars_of(self.household_entry()):
            return await self.async_step_pair()
        return await self.async_step_add()

    async def async_step_add(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask whether a car that is not here yet knows the key already."""
        return self.async_show_menu(
            step_id="add", menu_options=["add_only", "pair"], description_placeholders=self._names()
        )

    async def async_step_add_only(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Show a car that the owner had removed."""
        if self._car in cars_of(self.household_entry()):
            return self.async_abort(reason="already_configured")
        return self._create()

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask what is to be changed. A repair knows already: it names the bridge that is to be paired again."""
        subentry = self._subentry()
        self._car = subentry.data[CONF_CAR]
        if user_input is not None:
            self._bridge = user_input[CONF_BRIDGE]
            return await self.async_step_pair()
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["pair", "route"],
            description_placeholders={"car": subentry.title},
        )

    async def async_step_route(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Take another lock as the second way to the car, or none."""
        subentry = self._subentry()
        errors: dict[str, str] = {}
        if user_input is not None:
            route = user_input.get(CONF_ROUTE)
            known = er.async_get(self.hass).async_get(route) if route else None
            if known and known.platform == DOMAIN:
                errors[CONF_ROUTE] = "own_lock"
            elif route and not known and not self.hass.states.get(route):
                errors[CONF_ROUTE] = "no_such_lock"
            else:
                data = {key: value for key, value in subentry.data.items() if key != CONF_ROUTE}
                data |= {CONF_ROUTE: route} if route else {}
                return self.async_update_and_abort(self.household_entry(), subentry, data=data)
        return self.async_show_form(
            step_id="route",
            data_schema=self.add_suggested_values_to_schema(
                _ROUTE_FORM, subentry.data if user_input is None else user_input
            ),
            errors=errors,
            description_placeholders={"car": subentry.title},
        )

    @override
    async def async_paired(self, end: str) -> SubentryFlowResult:
        if self.source == SOURCE_USER and self._car not in cars_of(self.household_entry()):
            return self._create()
        return self.async_abort(reason=end, description_placeholders=self._names())

    def _create(self) -> SubentryFlowResult:
        return self.async_create_entry(title=self._names()["car"], data={CONF_CAR: self._car}, unique_id=self._car)
