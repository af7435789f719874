"""What the names of D-Bus errors mean: who answered, and what that says of the Bluetooth service.

BlueZ names its errors `org.bluez.Error.*`. Everything else was said in its stead: by the bus, or by systemd, which was
to start it for the call and could not; those are named after whatever went wrong (`NoSuchUnit`, `FileExists`, ...).
"""

from __future__ import annotations

from typing import Final

_BUS: Final = "org.freedesktop.DBus.Error."
_OBJECT_GONE: Final = frozenset(f"{_BUS}{name}" for name in ("UnknownObject", "UnknownMethod", "UnknownInterface"))
_NOT_ALLOWED: Final = frozenset(f"{_BUS}{name}" for name in ("AccessDenied", "AuthFailed"))
_SILENT: Final = frozenset(f"{_BUS}{name}" for name in ("NoReply", "Timeout", "TimedOut"))
NOT_READY: Final = "org.bluez.Error.NotReady"


def by_bluez(name: str) -> bool:
    """Whether BlueZ itself refused: only then does the answer tell anything of an adapter."""
    return name.startswith("org.bluez.")


def object_gone(name: str) -> bool:
    """Whether BlueZ, or what runs in its name, does not have what was asked."""
    return name in _OBJECT_GONE


def silent(name: str) -> bool:
    """Whether nobody answered."""
    return name in _SILENT


def not_asked(name: str) -> str | None:
    """Reason code of an error that tells that BlueZ could not be asked at all; None when it could."""
    if by_bluez(name) or object_gone(name):
        return None
    return "bluetooth_forbidden" if name in _NOT_ALLOWED else "no_bluetooth_service"
