"""From what the configuration says of Bluetooth to the radio that it means: one, or several behind the same surface."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from driveway_bridge.link.air import Air
from driveway_bridge.link.radio import RadioSource, SystemRadio, VirtualRadio

if TYPE_CHECKING:
    from driveway_bridge.link.diversity import Branch, Diversity, Find
    from driveway_bridge.settings import BluetoothSettings

FIRST: str = "the first adapter"
"""What the system's own adapter is called where none is named."""
MakeAir = Callable[[RadioSource], Air]


def assemble(settings: BluetoothSettings, *, heal: bool | None = None) -> Air | Diversity:
    """Make the radio, which opens nothing yet. `heal` goes before what the configuration says."""
    heals = settings.heal if heal is None else heal
    if settings.adapters is None and not settings.proxies:
        return Air(hci=settings.hci, adapter=settings.adapter, heal=heals)
    # One radio, which is what most have, needs nothing of the following.
    from driveway_bridge.link.diversity import Diversity
    from driveway_bridge.link.listening import SharedListening

    listened = SharedListening()

    def make_air(source: RadioSource) -> Air:
        # `several` is made below, of these.
        return Air(source=source, heal=heals, listened=listened, may_end=lambda air: several.may_end(air))  # noqa: PLW0108

    every = settings.adapters == "all" and sys.platform == "linux"
    several = Diversity(
        [*_local(settings, make_air), *_proxies(settings, make_air)],
        listened=listened,
        find=_every_adapter(make_air) if every else None,
    )
    return several


def _local(settings: BluetoothSettings, make_air: MakeAir) -> Iterator[Branch]:
    """What is at this computer, except for `all`: those are found while it runs."""
    from driveway_bridge.link.diversity import Branch

    if settings.hci is not None:
        yield Branch(name="virtual", kind="virtual", air=make_air(VirtualRadio(settings.hci)))
    elif settings.adapters == "all":
        if sys.platform != "linux":
            yield Branch(name=FIRST, kind="adapter", air=make_air(SystemRadio(None)))
    elif settings.adapters is None:
        wanted = settings.adapter
        yield Branch(name=wanted or FIRST, kind="adapter", air=make_air(SystemRadio(wanted)), optional=wanted is None)
    elif settings.adapters != "none":
        for name in settings.adapters:
            yield Branch(name=name, kind="adapter", air=make_air(SystemRadio(name)))


def _proxies(settings: BluetoothSettings, make_air: MakeAir) -> Iterator[Branch]:
    if not settings.proxies:
        return
    from driveway_bridge.link.diversity import Branch
    from driveway_bridge.link.proxy import ProxyRadio

    for one in settings.proxies:
        source = ProxyRadio(one)
        yield Branch(name=one.shown, kind="proxy", air=make_air(source), slots=source.slots, remark=source.remark)


def _every_adapter(make_air: MakeAir) -> Find:
    """Adapters by their address, each once, however often it is plugged in and whatever it is called then."""
    known: set[str] = set()

    async def find() -> list[Branch]:
        from driveway_bridge.link import bluez  # needs BlueZ's bus library
        from driveway_bridge.link.diversity import Branch

        found = [adapter for adapter in await bluez.adapters() if adapter.address and adapter.address not in known]
        known.update(adapter.address for adapter in found)
        return [
            Branch(
                name=f"{adapter.name} ({adapter.address})",
                kind="adapter",
                air=make_air(SystemRadio(adapter.address)),
                optional=True,
            )
            for adapter in found
        ]

    return find
