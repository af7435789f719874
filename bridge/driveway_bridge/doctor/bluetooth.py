"""This computer's Bluetooth: the bus on which its service is asked, the service, the adapter, its switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from driveway_bridge.doctor.case import AdapterLike, Case
from driveway_bridge.doctor.finding import Finding, broken, by_reason, ok
from driveway_bridge.errors import NotReached

_NO_BUS: Final = ("no D-Bus", "the D-Bus")
"""How the details of `link.bluez` begin when not even the bus was reached."""
_BUS_REMEDY: Final = (
    "Install and start D-Bus (`systemctl start dbus`). In a container the host's /run/dbus has to be passed in: "
    "`--volume /run/dbus:/run/dbus`."
)


async def examine_bus(case: Case, _tell: Callable[[str], None]) -> Finding:
    """Ask for the adapters; without a bus there is nobody to ask."""
    try:
        case.adapters = await case.radio.adapters()
    except NotReached as error:
        if error.reason == "no_bluetooth_service" and error.detail.startswith(_NO_BUS):
            return broken(error.detail, _BUS_REMEDY, reason=error.reason)
        case.bluetooth_trouble = error
    return ok("there")


async def examine_service(case: Case, _tell: Callable[[str], None]) -> Finding:
    """What the question came to."""
    if case.bluetooth_trouble is not None:
        return by_reason(case.bluetooth_trouble.reason, case.bluetooth_trouble.detail)
    return ok("running")


async def examine_adapter(case: Case, _tell: Callable[[str], None]) -> Finding:
    """There is one, and it is the one that the configuration names."""
    wanted = case.chosen.bluetooth.adapter
    known = ", ".join(_called(adapter) for adapter in case.adapters) or "none"
    case.adapter = _choose(case.adapters, wanted)
    if case.adapter is not None:
        return ok(_called(case.adapter))
    if wanted is not None and case.adapters:
        return broken(
            f"the configuration names {wanted}, and this computer has {known}",
            "Correct `bluetooth.adapter`, best to the adapter's address, which stays; or plug the adapter in.",
            reason="no_adapter",
        )
    return by_reason("no_adapter", "look with `bluetoothctl list`; on a Raspberry Pi see that it is not disabled")


async def examine_power(case: Case, _tell: Callable[[str], None]) -> Finding:
    """It is switched on."""
    if case.adapter is None or not case.adapter.powered:
        return by_reason("adapter_off", case.adapter.name if case.adapter else "")
    return ok("on")


def _choose(adapters: tuple[AdapterLike, ...], wanted: str | None) -> AdapterLike | None:
    """By name or address; if none is named, the first that is on, else the first."""
    if wanted is None:
        return next((adapter for adapter in adapters if adapter.powered), next(iter(adapters), None))
    return next((one for one in adapters if wanted.upper() in (one.name.upper(), one.address.upper())), None)


def _called(adapter: AdapterLike) -> str:
    return f"{adapter.name} ({adapter.address})" if adapter.address else adapter.name
