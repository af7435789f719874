"""Pairing a bridge with a car as a dialog: what to do at the car, step by step, while the bridge does its part.

Shared by the dialogs of a vehicle and by the one that Home Assistant opens when a car has dropped the key. The bridge
tells the stages (docs/mqtt.md, "Operations"); it keeps a deadline of its own, because a closed browser ends nothing.
"""

import asyncio
import logging
from abc import abstractmethod
from typing import Any, Final, override

import probatio
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow, FlowContext, FlowHandler, FlowResult
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import selector

from .contract import LOCK_TTL_S, Result
from .coordinator import Coordinator, DrivewayConfigEntry
from .household import Bridge
from .reasons import OF_THE_RADIO, REASONS

_LOGGER = logging.getLogger(__name__)

TIMEOUT_S: Final = 180
"""For the bridge, from its first look for the car on: somebody has to walk to the car with a card."""
_MORE_S: Final = 60.0
"""For what the bridge still looks at when its time is over."""
SHOWN_S: Final = 1.0
"""Each text stands there for so long at least."""

DRIVER: Final = "driver"
OWNER: Final = "owner"
ROLES: Final = (DRIVER, "charging_manager", "vehicle_monitor", OWNER)
_BRIDGE: Final = "bridge"
_ROLE: Final = "role"

_STAGES: Final = {
    "heard": "reach",
    "asleep": "wake",
    "presented": "card",
    "card": "card",
    "confirm": "verify",
    "known": "verify",
    "synchronised": "verify",
    "role": "verify",
}
"""What is shown from which stage on, in their order."""
ACTIONS: Final = frozenset(_STAGES.values())
ENDS: Final = ("paired", "already_enrolled", "not_synchronised")
"""How it ends well; `paired` for `done`."""
FAILURES: Final = OF_THE_RADIO | (
    REASONS.keys()
    & {
        *("not_in_range", "no_connection", "places_full", "link_lost", "nobody_listening", "wrong_car"),
        *("car_key_changed", "car_busy", "no_answer", "not_permitted", "car_asleep", "car_booting", "refused_by_car"),
        *("remote_access_off", "closures_open", "not_understood", "key_not_enrolled", "valet_mode", "key_not_listed"),
        *("card_not_tapped", "card_not_on_reader", "not_confirmed_on_screen", "denied_on_screen", "cancelled_at_car"),
        *("confirmation_impossible", "not_enrolled_in_time", "key_list_full", "key_refused", "own_key"),
        *("owner_key_needed", "other_role", "role_refused", "expired", "other_boot", "other_car", "clock_ahead"),
        *("unknown_client", "bad_signature", "unknown_command", "bad_arguments", "too_many", "pairing_runs"),
        *("pairing_cancelled", "stopping", "internal", "broker_away", "bridge_away", "bridge_silent"),
    }
)
"""Reasons that have a text of their own in the dialog: the table's."""


class PairingSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """The steps `pair`, `owner` and `pairing`; whoever uses them chooses the car, and says what follows."""

    _car: str
    """The id of the car."""
    _bridge: str | None = None
    """The id of the bridge; None: the best one is proposed."""
    _role: str | None = None
    """The role that was chosen; None: the one that the bridge's key had, or a driver's, is proposed."""
    _failure: str | None = None
    _action = "reach"
    _command: asyncio.Task[str] | None = None
    """Gives how it ended well, one of `ENDS`; or nothing, and then `_failure` says why."""
    _turn: asyncio.Task[Any] | None = None
    """Ends when something else is to be shown."""
    _news: asyncio.Event
    _shown: dict[str, str]
    _through: Coordinator

    # For those who use them ------------------------------------------------------------------------------------------

    @abstractmethod
    def household_entry(self) -> DrivewayConfigEntry:
        """Give the entry of the car's household."""

    @abstractmethod
    async def async_paired(self, end: str) -> ResultT:
        """Go on after a good end, one of `ENDS`."""

    # The steps -------------------------------------------------------------------------------------------------------

    async def async_step_pair(self, user_input: dict[str, Any] | None = None) -> ResultT:
        """Say what is needed, and how it failed the last time; ask for the role, and for one of several bridges."""
        serving = self._serving()
        if not serving:
            return self.async_abort(reason="no_bridge_for_car")
        if user_input is not None:
            self._role = user_input[_ROLE]
            self._bridge = user_input.get(_BRIDGE, serving[0].id)
            self._failure = None
            return await (self.async_step_owner() if self._role == OWNER else self.async_step_pairing())
        known = serving[0].serves(self._car)
        role = self._role or (known.role if known and known.role in ROLES else DRIVER)
        fields: dict[Any, Any] = {probatio.Required(_ROLE, default=role): _choice(_ROLE, ROLES)}
        if len(serving) > 1:
            ids = [bridge.id for bridge in serving]
            first = self._bridge if self._bridge in ids else ids[0]
            fields |= {probatio.Required(_BRIDGE, default=first): _bridge_choice(serving)}
        known_failure = self._failure in FAILURES or self._failure in (None, "unloaded")
        return self.async_show_form(
            step_id="pair",
            data_schema=probatio.Schema(fields),
            errors={"base": self._failure if known_failure else "unknown_reason"} if self._failure else {},
            description_placeholders=self._names() | {"reason": self._failure or ""},
        )

    async def async_step_owner(self, user_input: dict[str, Any] | None = None) -> ResultT:
        """Warn of what an owner's key may."""
        if user_input is not None:
            return await self.async_step_pairing()
        return self.async_show_form(
            step_id="owner", data_schema=probatio.Schema({}), description_placeholders=self._names()
        )

    async def async_step_pairing(self, user_input: dict[str, Any] | None = None) -> ResultT:
        """Show what has to be done now, until it has ended."""
        if self._command is None:
            self._command = self._begin()
        if self._turn is None or self._turn.done():
            if self._command.done():
                return self.async_show_progress_done(next_step_id="paired")
            self._news.clear()
            self._turn = self.hass.async_create_background_task(self._show_until_news(), "driveway pairing")
        return self.async_show_progress(
            step_id="pairing",
            progress_action=self._action,
            progress_task=self._turn,
            description_placeholders=self._shown,
        )

    async def async_step_paired(self, user_input: dict[str, Any] | None = None) -> ResultT:
        """Go on, or back to the form with the reason."""
        command, self._command, self._turn = self._command, None, None
        end = command.result() if command else ""
        return await (self.async_paired(end) if end else self.async_step_pair())

    @callback
    @override
    def async_remove(self) -> None:
        """End what is going on when the dialog is closed: the car must not go on asking."""
        if self._turn is not None:
            self._turn.cancel()
        if self._command is not None and not self._command.done():
            self._command.cancel()
            self.hass.async_create_background_task(self._cancel(), "driveway pairing cancelled")

    # What is done ----------------------------------------------------------------------------------------------------

    def _coordinator(self) -> Coordinator:
        entry = self.household_entry()
        if entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow("not_loaded")
        return entry.runtime_data

    def _serving(self) -> list[Bridge]:
        """Give the bridges that have the car, those that are there first."""
        bridges = [bridge for bridge in self._coordinator().household if bridge.serves(self._car)]
        return sorted(bridges, key=lambda bridge: not bridge.online)

    def _names(self) -> dict[str, str]:
        serving = {bridge.id: bridge for bridge in self._serving()}
        bridge = serving.get(self._bridge or "") or next(iter(serving.values()), None)
        known = bridge.serves(self._car) if bridge else None
        return {
            "car": known.name if known else self._car,
            "bridge": bridge.info.name if bridge and bridge.info else self._bridge or "",
        }

    def _begin(self) -> asyncio.Task[str]:
        self._news = asyncio.Event()
        self._action, self._shown, self._through = "reach", self._names(), self._coordinator()
        task = self.hass.async_create_background_task(self._pair(), "driveway pair")
        task.add_done_callback(lambda _task: self._news.set())
        return task

    async def _pair(self) -> str:
        try:
            result = await self._through.async_command(
                self._car,
                "pair",
                arguments={"role": self._role, "timeout_s": TIMEOUT_S},
                ttl_s=LOCK_TTL_S,
                ended_within_s=TIMEOUT_S + _MORE_S,
                bridge=self._bridge,
                heard=self._hear,
            )
        except HomeAssistantError as error:
            told = error.translation_placeholders or {}
            self._failure = told.get("reason") or error.translation_key or "internal"
            return ""
        return result.reason if result.reason in ENDS else ENDS[0]

    def _hear(self, result: Result) -> None:
        """Take a station of the pairing."""
        if result.stage not in _STAGES:
            return
        stages = list(_STAGES)
        self.async_update_progress((stages.index(result.stage) + 1) / (len(stages) + 1))
        if _STAGES[result.stage] != self._action:
            self._action = _STAGES[result.stage]
            self._news.set()

    async def _show_until_news(self) -> None:
        """Wait until something else is to be shown; but each text can be read.

        A front end that is told of a change asks for it. If the dialog ended while it asks, it would be told of that
        too, ask again, and show the error that there is no such dialog.
        """
        await asyncio.gather(self._news.wait(), asyncio.sleep(SHOWN_S))

    async def _cancel(self) -> None:
        try:
            await self._through.async_command(self._car, "pair_cancel", bridge=self._bridge)
        except HomeAssistantError as error:  # the bridge ends it by itself when its time is over
            _LOGGER.info("The pairing was not cancelled: %s", error)


def _choice(key: str, options: tuple[str, ...]) -> selector.SelectSelector:
    return selector.SelectSelector(
        selector.SelectSelectorConfig(options=list(options), mode=selector.SelectSelectorMode.LIST, translation_key=key)
    )


def _bridge_choice(bridges: list[Bridge]) -> selector.SelectSelector:
    options = [selector.SelectOptionDict(value=bridge.id, label=bridge.name) for bridge in bridges]
    return selector.SelectSelector(
        selector.SelectSelectorConfig(options=options, mode=selector.SelectSelectorMode.LIST)
    )
