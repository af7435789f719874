"""The radio itself: the computer's own Bluetooth adapter, or a virtual one; opened anew whenever it was lost."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)

from driveway_bridge.errors import NotReached
from driveway_bridge.link import dbus_errors
from driveway_bridge.link.deadline import within

if TYPE_CHECKING:
    from driveway_bridge.link.bluez import Adapter

RADIO_ERRORS: Final = (BleakError, OSError, EOFError)
"""What bleak lets through when BlueZ, its bus or the adapter is missing, silent (TimeoutError) or goes away."""
EVERY_CALL: Final = {"DuplicateData": True}
"""Else BlueZ (5.82, not yet 5.66) passes a device on only once, until its signal changes by more than 8 dB: a car that
stands still would fall silent."""
LOOK_S: Final = 5.0
SETTLE_S: Final = 3.0
"""An adapter that has just come to BlueZ, or with it, is switched on in so long, on a slow computer."""
_AGAIN_S: Final = 0.2
OFF_S: Final = 0.5
"""Between off and on: firmware that hangs needs to notice."""
_ADDRESS: Final = re.compile(r"([0-9A-F]{2}:){5}[0-9A-F]{2}")
_BUS_ERRORS: Final = (FileNotFoundError, ConnectionError, EOFError)
_NO_RADIO: Final = (BleakBluetoothNotAvailableError, *_BUS_ERRORS)
_CAUSES: Final = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: "no_adapter",
    BleakBluetoothNotAvailableReason.POWERED_OFF: "adapter_off",
}


def _no_cause(_error: BaseException) -> str | None:
    """Nothing is known of errors beyond what bleak's own say."""
    return None


def describe(error: BaseException) -> str:
    """An error of bleak for the log."""
    return f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """An open radio, as arguments for bleak's two classes."""

    scanner_arguments: Mapping[str, Any]
    client_arguments: Mapping[str, Any]
    lost: asyncio.Future[None] | None = None
    """Done when this radio is gone for good; None where bleak and BlueZ look after that."""
    name: str | None = None
    """As `hci0`; None where there is no such name."""
    address: str | None = None
    gone_reason: str = "radio_unavailable"
    """What a loss of this radio is called."""
    cause: Callable[[BaseException], str | None] = _no_cause
    """The reason code of an error that only this kind of radio has; None for all others."""

    @property
    def gone(self) -> bool:
        """Whether this radio will never work again, and another one is to be opened."""
        return self.lost is not None and self.lost.done()

    def failure(self, error: BaseException, otherwise: str) -> NotReached:
        """Give the cause of an error of bleak, as far as it tells one; else the code `otherwise`."""
        reason = otherwise
        if self.gone or (self.lost is not None and isinstance(error, _NO_RADIO)):
            reason = self.gone_reason
        elif (told := self.cause(error)) is not None:
            reason = told
        elif isinstance(error, BleakBluetoothNotAvailableError):
            reason = _CAUSES.get(error.reason, "radio_unavailable")
        elif isinstance(error, BleakDBusError):
            reason = dbus_errors.not_asked(error.dbus_error) or otherwise
            if error.dbus_error == dbus_errors.NOT_READY:
                reason = "adapter_off"
        elif isinstance(error, _BUS_ERRORS):
            reason = "no_bluetooth_service"
        return NotReached(reason, describe(error))


class RadioSource(Protocol):
    """Where a radio comes from, and what can be done to one that does not work."""

    kind: str
    """`system`, `virtual` or `proxy`."""

    async def open(self, within_s: float) -> Radio:
        """Give the radio, opened anew if need be. NotReached with the cause, also when it is switched off."""
        ...

    async def scans(self, radio: Radio) -> bool:
        """Whether a scan that was started still runs, as far as can be told without listening."""
        ...

    async def power_cycle(self, radio: Radio | None) -> None:
        """Switch it off and on, or only on. NotReached with the cause if that cannot be done."""
        ...

    async def close(self) -> None:
        """Give the radio back; the next `open` makes another."""
        ...


def source(*, hci: str | None, adapter: str | None) -> RadioSource:
    """Give a virtual radio on a bumble transport `hci`, else the system's: that `adapter`, or its first."""
    return SystemRadio(adapter) if hci is None else VirtualRadio(hci)


class SystemRadio:
    """An adapter of this computer, by name (`hci0`) or address, which keeps its sense when the name changes."""

    kind = "system"

    def __init__(self, adapter: str | None) -> None:
        self._wanted = adapter
        self._wrong: tuple[str, float] | None = None  # with the adapter, and since when
        self._used: str | None = None  # the address of the last one: it is kept as long as it works

    async def open(self, within_s: float) -> Radio:
        """Find the adapter as it is called now. NotReached with the cause, also when it is switched off.

        That there is none, or that it is off, is believed when it stays so: while the Bluetooth service starts, or an
        adapter was just plugged in, both are so for a moment.
        """
        if sys.platform != "linux":
            return Radio(scanner_arguments={}, client_arguments={})
        clock = asyncio.get_running_loop().time
        until = clock() + within_s
        while True:
            try:
                radio = await self._on(until - clock())
            except NotReached as error:
                if error.reason not in ("no_adapter", "adapter_off"):
                    self._wrong = None
                    raise
                if self._wrong is None or self._wrong[0] != error.reason:
                    self._wrong = error.reason, clock()
                if clock() >= self._wrong[1] + SETTLE_S:
                    raise
                if clock() >= until - _AGAIN_S:
                    raise NotReached("radio_unavailable", f"not ready yet: {error.detail}") from error
                await asyncio.sleep(_AGAIN_S)  # BlueZ would tell, to a connection that this one does not keep
            else:
                self._wrong = None
                return radio

    async def _on(self, within_s: float) -> Radio:
        found = await self._find(within_s)
        if not found.powered:
            raise NotReached("adapter_off", f"{found.name} ({found.address}) is switched off")
        self._used = found.address
        return Radio(
            scanner_arguments={"bluez": {"adapter": found.name, "filters": EVERY_CALL}},
            client_arguments={"bluez": {"adapter": found.name}},
            name=found.name,
            address=found.address,
        )

    async def scans(self, radio: Radio) -> bool:
        """Whether BlueZ still scans on that adapter, under the same name."""
        if sys.platform != "linux":
            return True
        try:
            found = await self._find(LOOK_S)
        except NotReached:
            return False
        return found.powered and found.discovering and found.name == radio.name

    async def power_cycle(self, radio: Radio | None) -> None:  # noqa: ARG002 - it may be another by now
        """Switch it off and on over D-Bus, which needs no right, but a bluetoothd that answers."""
        if sys.platform != "linux":
            raise NotReached("radio_unavailable", "not possible: there is no BlueZ here")
        from driveway_bridge.link import bluez  # needs BlueZ's bus library

        found = await self._find(LOOK_S)
        if found.powered:
            await bluez.set_powered(found.name, False)
            await asyncio.sleep(OFF_S)
        await bluez.set_powered(found.name, True)

    async def close(self) -> None:
        """Hold nothing."""

    async def _find(self, within_s: float) -> Adapter:
        from driveway_bridge.link import bluez  # needs BlueZ's bus library

        all_of_them = await bluez.adapters(timeout_s=min(max(within_s, 0.1), LOOK_S))
        wanted = self._wanted
        if wanted is None:
            found = sorted(all_of_them, key=lambda adapter: (not adapter.powered, adapter.address != self._used))
        elif _ADDRESS.fullmatch(wanted.upper()):
            found = [adapter for adapter in all_of_them if adapter.address == wanted.upper()]
        else:
            found = [adapter for adapter in all_of_them if adapter.name == wanted]
        if not found:
            here = ", ".join(f"{adapter.name} ({adapter.address})" for adapter in all_of_them) or "none"
            raise NotReached("no_adapter", f"wanted: {wanted or 'any'}; here: {here}")
        return found[0]


class VirtualRadio:
    """A radio that exists only in memory, on a bumble transport; opened anew when that was lost."""

    kind = "virtual"

    def __init__(self, hci: str) -> None:
        self._hci = hci
        self._radio: Radio | None = None
        self._stack = AsyncExitStack()

    async def open(self, within_s: float) -> Radio:
        """Give the radio, opened anew if it was lost. NotReached `radio_unavailable`."""
        if self._radio is not None and self._radio.gone:
            await self.close()
        if self._radio is None:
            try:
                async with asyncio.timeout(within_s):
                    self._radio = await self._open()
            except RADIO_ERRORS as error:
                raise NotReached("radio_unavailable", describe(error)) from error
        return self._radio

    async def _open(self) -> Radio:
        try:
            # bumble is an optional extra, and only the virtual radio needs it
            from driveway_bridge.virtual_radio.bleak_backend import adapter
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "bumble":
                raise
            detail = "bumble is missing: install driveway-bridge[virtual-radio]"
            raise NotReached("radio_unavailable", detail) from error
        backend = await self._stack.enter_async_context(adapter(self._hci))
        return Radio(
            scanner_arguments={"backend": backend.scanner},
            client_arguments={"backend": backend.client},
            lost=backend.lost,
        )

    async def scans(self, radio: Radio) -> bool:
        """Whether the other side is still there."""
        return not radio.gone

    async def power_cycle(self, radio: Radio | None) -> None:  # noqa: ARG002 - there is only one
        """Unplug it; the next `open` plugs it in again."""
        await self.close()

    async def close(self) -> None:
        """Give the radio back; the next `open` makes another."""
        self._radio = None
        await self._stack.aclose()


async def recover(radio: Radio | None) -> None:
    """Let the optional library reset the adapter, by its USB port if it has one. NotReached if that cannot be done."""
    if radio is None or radio.name is None or radio.address is None:
        raise NotReached("radio_unavailable", "not possible: there is no such adapter here")
    from driveway_bridge.link import recovery  # the door to an optional library

    await within(recovery.TIMEOUT_S, recovery.recover(radio.name, radio.address))
