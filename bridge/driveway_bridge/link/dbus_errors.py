"""What the names of D-Bus errors mean for the owner: told by BlueZ itself, by the bus in its stead, or by systemd."""

from __future__ import annotations

from typing import Final

_BLUEZ: Final = "org.bluez."
_BUS: Final = "org.freedesktop.DBus.Error."
_OBJECT_GONE: Final = frozenset(f"{_BUS}{name}" for name in ("UnknownObject", "UnknownMethod", "UnknownInterface"))
_NOT_ALLOWED: Final = frozenset(f"{_BUS}{name}" for name in ("AccessDenied", "AuthFailed"))
_SILENT: Final = frozenset(f"{_BUS}{name}" for name in ("NoReply", "Timeout", "TimedOut"))
_NOT_RUNNING: Final = frozenset(f"{_BUS}{name}" for name in ("ServiceUnknown", "NameHasNoOwner", "Disconnected"))
_STARTING: Final = (f"{_BUS}Spawn.", "org.freedesktop.systemd1.")
"""BlueZ was to be started for the call, and could not be."""
NOT_READY: Final = "org.bluez.Error.NotReady"


def by_bluez(name: str) -> bool:
    """Whether BlueZ itself gave this answer; only then does it tell anything of the adapter's power."""
    return name.startswith(_BLUEZ)


def object_gone(name: str) -> bool:
    """Whether BlueZ does not have what was asked."""
    return name in _OBJECT_GONE


def silent(name: str) -> bool:
    """Whether nobody answered."""
    return name in _SILENT


def no_service(name: str) -> str | None:
    """Reason code of an error that says that BlueZ could not be asked at all; None for all others."""
    if name in _NOT_ALLOWED:
        return "radio_unavailable"
    if silent(name) or name in _NOT_RUNNING or name.startswith(_STARTING):
        return "no_bluetooth_service"
    return None
