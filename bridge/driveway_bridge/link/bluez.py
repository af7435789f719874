"""BlueZ on the system's D-Bus: which adapters there are, and their power. The only door to dbus_fast.

Each call has a connection of its own: it is made seldom, and works after anything that happened to an earlier one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from dbus_fast import AuthError, BusType, InvalidAddressError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from driveway_bridge.errors import NotReached
from driveway_bridge.link import dbus_errors

TIMEOUT_S: Final = 5.0
AGAIN_S: Final = 0.3
"""After the bus has hung up at the login, which it does to users that the computer does not know."""
SERVICE: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
_OBJECTS: Final = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_HUNG_UP: Final = (ConnectionResetError, BrokenPipeError, EOFError, AuthError)
_FORGOTTEN: Final = "org.bluez.Error.DoesNotExist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One Bluetooth adapter as BlueZ knows it now."""

    name: str
    """As `hci0`; the number may change whenever the adapter is plugged in, reset, or started later than another."""
    address: str
    powered: bool
    discovering: bool = False
    """Whether a scan is running on it, ours or anybody's."""


async def adapters(*, timeout_s: float = TIMEOUT_S) -> tuple[Adapter, ...]:
    """Give all adapters that can reach a car, by name.

    NotReached `no_bluetooth_service`, whose detail tells how, or `bluetooth_forbidden`.
    """
    reply = await _ask("/", _OBJECTS, "GetManagedObjects", timeout_s=timeout_s)
    found = []
    for path, interfaces in reply.body[0].items():
        facts = {key: value.value for key, value in interfaces.get(ADAPTER, {}).items()}
        if facts and "central" in facts.get("Roles", ["central"]):
            found.append(
                Adapter(
                    name=path.rpartition("/")[2],
                    address=str(facts.get("Address", "")).upper(),
                    powered=bool(facts.get("Powered", False)),
                    discovering=bool(facts.get("Discovering", False)),
                )
            )
    return tuple(sorted(found, key=lambda adapter: (len(adapter.name), adapter.name)))


async def set_powered(name: str, on: bool, *, timeout_s: float = TIMEOUT_S) -> None:  # noqa: FBT001 - as the property
    """Switch an adapter on or off.

    NotReached `no_bluetooth_service`, `no_adapter`, or `adapter_off` when BlueZ refuses (a switch, rfkill).
    """
    body = [ADAPTER, "Powered", Variant("b", on)]
    await _ask(f"/org/bluez/{name}", _PROPERTIES, "Set", signature="ssv", body=body, timeout_s=timeout_s)


async def forget(path: str, *, timeout_s: float = TIMEOUT_S) -> None:
    """Let BlueZ forget a device, by its object, with all that it remembers of its services. NotReached as above."""
    adapter = path.rpartition("/")[0]
    await _ask(adapter, ADAPTER, "RemoveDevice", signature="o", body=[path], timeout_s=timeout_s, fine=_FORGOTTEN)


async def _ask(
    path: str,
    interface: str,
    member: str,
    *,
    signature: str = "",
    body: list[Any] | None = None,
    timeout_s: float,
    fine: str | None = None,
) -> Message:
    message = Message(
        destination=SERVICE, path=path, interface=interface, member=member, signature=signature, body=body or []
    )
    try:
        async with asyncio.timeout(timeout_s), _system_bus() as bus:
            reply = await bus.call(message)
    except TimeoutError as error:
        raise NotReached("no_bluetooth_service", f"BlueZ is silent: no answer in {timeout_s:g} s") from error
    except (OSError, EOFError, AuthError, InvalidAddressError) as error:
        raise NotReached("no_bluetooth_service", f"no D-Bus system bus: {type(error).__name__}: {error}") from error
    if reply is None:
        raise NotReached("no_bluetooth_service", "the D-Bus system bus hung up")
    if reply.message_type is MessageType.ERROR and reply.error_name != fine:
        raise _refusal(str(reply.error_name), path, reply.body)
    return reply


def _refusal(name: str, path: str, body: list[Any]) -> NotReached:
    text = f"{name}: {body[0]}" if body else name
    if dbus_errors.by_bluez(name):
        return NotReached("adapter_off", text)
    if dbus_errors.object_gone(name):
        return NotReached("no_adapter", f"BlueZ has no {path}" if path != "/" else text)
    if dbus_errors.silent(name):
        return NotReached("no_bluetooth_service", f"BlueZ is silent ({name})")
    reason = dbus_errors.not_asked(name) or "no_bluetooth_service"
    return NotReached(reason, text if reason == "bluetooth_forbidden" else f"bluetoothd is not running ({text})")


@asynccontextmanager
async def _system_bus() -> AsyncIterator[MessageBus]:
    try:
        bus = await _log_in()
    except _HUNG_UP:  # a bus that is just ending does so too, and is gone the next time
        await asyncio.sleep(AGAIN_S)
        try:
            bus = await _log_in()
        except _HUNG_UP as error:
            detail = f"the D-Bus system bus hangs up on user {os.geteuid()}: {type(error).__name__}: {error}"
            raise NotReached("bluetooth_forbidden", detail) from error
    try:
        yield bus
    finally:
        bus.disconnect()


async def _log_in() -> MessageBus:
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        return await bus.connect()
    except BaseException:
        bus.disconnect()  # it holds a socket from its making
        raise
