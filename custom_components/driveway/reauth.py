"""What only the owner can put right, asked for by Home Assistant's own dialog.

That is a car that has dropped a bridge's key, and a code that is no longer the bridge's. A command that fails for one
of these reasons shows it in the bridge's health, or with the next clock. Home Assistant has one such dialog per entry
at a time; the next one is asked for when the one before is over.
"""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigFlowContext,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant, callback

from .commands import CLOCK_LASTS_S
from .const import CONF_CAR
from .contract import CONTRACT
from .coordinator import DrivewayConfigEntry
from .devices import cars_of
from .health import Problem
from .household import Bridge
from .listeners import EVERYTHING, HEALTH

CONF_BRIDGE: Final = "bridge"
"""In the data of the dialog: the bridge's id; beside it the car's, where it is about a key."""
_PAIRING: Final = "pairing"
"""The step in which somebody stands at the car: it ends by itself."""
_PAIRED: Final = "paired"
"""The one after it: how it ended waits to be seen, for so long."""
SEEN_WITHIN_S: Final = 30.0


class Need(NamedTuple):
    """What is asked: the code of a bridge, or its key for a car."""

    bridge: str
    car: str | None = None


class Asking:
    """Opens the dialogs of one entry, once for each need, and closes what is no longer needed."""

    def __init__(self, hass: HomeAssistant, entry: DrivewayConfigEntry) -> None:
        self._hass = hass
        self._entry = entry
        self._asked: set[Need] = set()
        self._seen: set[Need] = set()
        """Those of them whose dialog has been open."""
        self._ended_at: dict[str, float] = {}
        """By dialog, when it was noticed that its pairing is over."""

    def asks(self, need: Need) -> bool:
        """Whether the dialog is open, or about to be; not one that the owner has left without success."""
        return need in self._asked and (bool(self._open(need)) or need not in self._seen)

    @callback
    def look(self) -> None:
        """See what is needed now. What cannot be known now stays as it is."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return  # a dialog about a key would end at once
        needs = dict(self._needs())
        for need in [need for need in self._asked if needs.get(need, False) is False]:
            if self._close(need):
                self._asked.remove(need)
                self._seen.discard(need)
        for need, needed in needs.items():
            if needed and need not in self._asked:
                self._ask(need)
        self._seen |= {need for need in self._asked if self._open(need)}

    def _needs(self) -> Iterator[tuple[Need, bool | None]]:
        household, cars = self._entry.runtime_data.household, cars_of(self._entry)
        for bridge in household:
            yield Need(bridge.id), code_refused(bridge, time.monotonic())
        for bridge in household:
            for car in cars:
                yield Need(bridge.id, car), key_lost(bridge, car)

    def _ask(self, need: Need) -> None:
        """Open the dialog, unless another one is open; that of before a reload is the same one."""
        if self._flows() and not self._open(need):
            return
        self._asked.add(need)
        bridge = self._entry.runtime_data.household.bridges[need.bridge]
        name = cars_of(self._entry)[need.car].title if need.car else bridge.name
        self._entry.async_start_reauth(
            self._hass,
            context=ConfigFlowContext(unique_id=self._id(need), title_placeholders={"name": name}),
            data={CONF_BRIDGE: need.bridge} | ({CONF_CAR: need.car} if need.car else {}),
        )

    def _close(self, need: Need) -> bool:
        """Close the dialog, if there is one and nobody is just pairing; whether there is none any more."""
        for flow in self._open(need):
            if flow.get("step_id") == _PAIRED:
                ended_at = self._ended_at.setdefault(flow["flow_id"], time.monotonic())
                if time.monotonic() - ended_at < SEEN_WITHIN_S:
                    return False
            elif flow.get("step_id") == _PAIRING:
                return False
            self._ended_at.pop(flow["flow_id"], None)
            self._hass.config_entries.flow.async_abort(flow["flow_id"])
        return True

    def _open(self, need: Need) -> list[ConfigFlowResult]:
        return [flow for flow in self._flows() if flow["context"].get("unique_id") == self._id(need)]

    def _flows(self) -> list[ConfigFlowResult]:
        return list(self._entry.async_get_active_flows(self._hass, {SOURCE_REAUTH, SOURCE_RECONFIGURE}))

    def _id(self, need: Need) -> str:
        """Give what tells the dialogs of one entry apart."""
        return "/".join((self._entry.entry_id, *filter(None, need)))


def key_lost(bridge: Bridge, car: str) -> bool | None:
    """Whether the car does not know the bridge's key; None: nobody can tell now.

    The bridge finds it out by a command or question that it has to sign, and says so in its health: the car is reached
    all the same, and tells of its locks.
    """
    if bridge.lacks(car):
        return False
    if bridge.condition is None or not bridge.serves(car):
        return None
    return Problem(car, "key_not_enrolled") in bridge.condition.problems


def code_refused(bridge: Bridge, monotonic: float) -> bool | None:
    """Whether the code that we hold is no longer the bridge's; None: nobody can tell now.

    A single clock that is not signed for us says nothing: anybody may tell one. It counts where no other is heard.
    """
    if not bridge.online or bridge.info is None:
        return None
    genuine = bridge.clock is not None and bridge.clock.age(monotonic) <= CLOCK_LASTS_S
    if genuine and bridge.distrust is None:
        return False
    unknown = bridge.info.contract == CONTRACT and bridge.signer.client not in bridge.info.clients
    return True if not genuine and (unknown or bridge.distrust is not None) else None


@callback
def async_watch(hass: HomeAssistant, entry: DrivewayConfigEntry) -> Asking:
    """Ask the owner whenever it is needed, from when the entry is set up until it ends."""
    asking = Asking(hass, entry)
    entry.async_on_unload(entry.runtime_data.listeners.add(EVERYTHING, asking.look, HEALTH))
    entry.async_on_unload(entry.async_on_state_change(asking.look))
    return asking
