"""The bridge's Bluetooth: the bus on which the service is asked, the service, the adapters, their switches; proxies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from driveway_bridge.doctor.case import AdapterLike, Case
from driveway_bridge.doctor.finding import Finding, broken, by_reason, ok
from driveway_bridge.errors import NotReached

if TYPE_CHECKING:
    from driveway_bridge.settings import BluetoothSettings, ProxySettings

_NO_BUS: Final = ("no D-Bus", "the D-Bus")
"""How the details of `link.bluez` begin when not even the bus was reached."""
_BUS_REMEDY: Final = (
    "Install and start D-Bus (`systemctl start dbus`). In a container the host's /run/dbus has to be passed in: "
    "`--volume /run/dbus:/run/dbus`."
)
_NOT_NEEDED: Final = "not there, and not needed: there are proxies"
PROXY_S: Final = 5.0
"""For one proxy to answer."""


async def examine_bus(case: Case, _tell: Callable[[str], None]) -> Finding:
    """Ask for the adapters; without a bus there is nobody to ask."""
    try:
        case.adapters = await case.radio.adapters()
    except NotReached as error:
        case.bluetooth_trouble = error
        no_bus = error.reason == "no_bluetooth_service" and error.detail.startswith(_NO_BUS)
        if no_bus or error.reason == "bluetooth_forbidden":
            if _proxies_will_do(case):
                return ok(_NOT_NEEDED)
            return (
                broken(error.detail, _BUS_REMEDY, reason=error.reason)
                if no_bus
                else by_reason(error.reason, error.detail)
            )
    return ok("there")


async def examine_service(case: Case, _tell: Callable[[str], None]) -> Finding:
    """What the question came to."""
    if case.bluetooth_trouble is not None:
        if _proxies_will_do(case):
            return ok(_NOT_NEEDED)
        return by_reason(case.bluetooth_trouble.reason, case.bluetooth_trouble.detail)
    return ok("running")


async def examine_adapter(case: Case, _tell: Callable[[str], None]) -> Finding:
    """There are some, and they are those that the configuration names."""
    settings = case.chosen.bluetooth
    key = "adapter" if settings.adapters is None else "adapters"
    known = ", ".join(_called(adapter) for adapter in case.adapters) or "none"
    used, missing = _choose(case.adapters, settings)
    case.used_adapters = used
    if missing and case.adapters:
        return broken(
            f"the configuration names {', '.join(missing)}, and this computer has {known}",
            f"Correct `bluetooth.{key}`, best to the adapter's address, which stays; or plug the adapter in.",
            reason="no_adapter",
        )
    if used and not missing:
        return ok(", ".join(_called(adapter) for adapter in used))
    if _proxies_will_do(case):
        return ok(_NOT_NEEDED)
    return by_reason("no_adapter", "look with `bluetoothctl list`; on a Raspberry Pi see that it is not disabled")


async def examine_power(case: Case, _tell: Callable[[str], None]) -> Finding:
    """They are switched on."""
    off = [adapter.name for adapter in case.used_adapters if not adapter.powered]
    if off and not _proxies_will_do(case):
        return by_reason("adapter_off", ", ".join(off))
    if not case.used_adapters:
        return ok(_NOT_NEEDED) if _proxies_will_do(case) else by_reason("adapter_off")
    return ok("off, and not needed: there are proxies" if off else "on")


async def examine_proxies(case: Case, _tell: Callable[[str], None]) -> Finding:
    """Each answers, takes our key, and can make connections."""
    proxies = case.chosen.bluetooth.proxies
    answers = await asyncio.gather(*(_ask(one) for one in proxies))
    troubles = {one.shown: error for one, error in zip(proxies, answers, strict=True) if error is not None}
    if not troubles:
        return ok(", ".join(one.shown for one in proxies))
    first = next(iter(troubles.values()))
    return by_reason(first.reason, "; ".join(f"{name}: {error.detail}" for name, error in troubles.items()))


async def _ask(settings: ProxySettings) -> NotReached | None:
    from driveway_bridge.link.proxy import ProxyRadio  # bleak

    proxy = ProxyRadio(settings)
    try:
        await proxy.open(PROXY_S)
    except NotReached as error:
        return error
    finally:
        await proxy.close()
    return None


def _proxies_will_do(case: Case) -> bool:
    """Whether no adapter of this computer is asked for, since there are proxies."""
    settings = case.chosen.bluetooth
    return bool(settings.proxies) and settings.adapter is None and settings.adapters in (None, "none")


def _choose(
    adapters: tuple[AdapterLike, ...], settings: BluetoothSettings
) -> tuple[tuple[AdapterLike, ...], list[str]]:
    """Those that are used, and the names of those that are missing.

    By name or address; if none is named, the first that is on, else the first.
    """
    if settings.adapters == "all":
        return adapters, []
    if settings.adapters == "none":
        return (), []
    names = settings.adapters or ((settings.adapter,) if settings.adapter is not None else ())
    if not names:
        first = next((adapter for adapter in adapters if adapter.powered), next(iter(adapters), None))
        return (() if first is None else (first,)), []
    used = tuple(one for name in names for one in adapters if name.upper() in (one.name.upper(), one.address.upper()))
    here = {text.upper() for one in used for text in (one.name, one.address)}
    return used, [name for name in names if name.upper() not in here]


def _called(adapter: AdapterLike) -> str:
    return f"{adapter.name} ({adapter.address})" if adapter.address else adapter.name
