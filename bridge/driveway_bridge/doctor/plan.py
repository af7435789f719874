"""The chain as data: which link comes after which, what it needs, and how long it may take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from driveway_bridge.doctor import bluetooth, bridge, broker, car, configuration, data
from driveway_bridge.doctor.case import CarCase, Case
from driveway_bridge.doctor.chain import Audience, Check, Examined, walk
from driveway_bridge.doctor.finding import Finding

_Tell = Callable[[str], None]
CONFIGURATION: Final = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """One link of every chain."""

    name: str
    title: str
    examine: Callable[[Case, _Tell], Awaitable[Finding]]
    within_s: float = 3.0
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _CarLink:
    """One link for each car; its names get the car's id in front. `+` before a needed name: of the same car."""

    name: str
    title: str
    examine: Callable[[Case, CarCase, _Tell], Awaitable[Finding]]
    within_s: float
    needs: tuple[str, ...]
    after: tuple[str, ...] = ()


_FIRST: Final = _Link(name=CONFIGURATION, title="Configuration", examine=configuration.examine, within_s=5.0)
_HERE: Final = (
    _Link(name="data", title="Data folder", examine=data.examine_folder, within_s=5.0),
    _Link(name="key", title="Key", examine=data.examine_key, within_s=5.0),
)
_BLUETOOTH: Final = (
    _Link(name="bus", title="System bus", examine=bluetooth.examine_bus, within_s=6.0, needs=(CONFIGURATION,)),
    _Link(name="service", title="Bluetooth service", examine=bluetooth.examine_service, needs=("bus",)),
    _Link(name="adapter", title="Bluetooth adapter", examine=bluetooth.examine_adapter, needs=("service",)),
    _Link(name="power", title="Adapter's power", examine=bluetooth.examine_power, needs=("adapter",)),
)
_PROXIES: Final = _Link(
    name="proxies", title="Bluetooth proxies", examine=bluetooth.examine_proxies, within_s=7.0, needs=(CONFIGURATION,)
)
_CAR: Final = (
    _CarLink(
        name="heard", title="there", examine=car.examine_heard, within_s=15.0, needs=(CONFIGURATION, "power")
    ),
    _CarLink(
        name="place", title="a place free", examine=car.examine_place, within_s=26.0, needs=("+heard",),
        after=("key", "bridge"),
    ),
    _CarLink(name="answer", title="answers", examine=car.examine_answer, within_s=3.0, needs=("+place",)),
    _CarLink(
        name="key", title="knows the key", examine=car.examine_key_known, within_s=11.0, needs=("+answer", "key")
    ),
    _CarLink(
        name="signed", title="takes signed requests", examine=car.examine_signed, within_s=7.0, needs=("+key",)
    ),
)  # fmt: skip
_HOUSE: Final = (
    _Link(name="broker", title="MQTT broker", examine=broker.examine_broker, within_s=12.0, needs=(CONFIGURATION,)),
    _Link(name="topics", title="Bridge's topics", examine=broker.examine_topics, within_s=7.0, needs=("broker",)),
    _Link(
        name="bridge", title="Bridge", examine=bridge.examine_bridge, within_s=9.0, needs=("broker",), after=("topics",)
    ),
)
_HOME: Final = _Link(
    name="home_assistant", title="Home Assistant", examine=bridge.examine_home_assistant, needs=("bridge",)
)


async def examine(case: Case, audience: Audience, *, home_assistant: bool = True) -> list[Examined]:
    """Look along the whole chain; in its order. LookupError when the one car that is wanted is not configured."""
    first = await walk([_check(_FIRST, case)], audience)
    case.choose_cars()
    return first + await walk(chain(case, home_assistant=home_assistant), audience, before=first)


def chain(case: Case, *, home_assistant: bool = True) -> Sequence[Check]:
    """All links behind the configuration. Without one it is not known which cars there are: one stands for all."""
    radio = any(one.by_radio for one in case.cars) and case.chosen.bluetooth.hci is None
    several = (_PROXIES,) if radio and case.settings is not None and case.settings.bluetooth.proxies else ()
    checks = [_check(link, case) for link in (*_HERE, *(_BLUETOOTH if radio else ()), *several)]
    if case.settings is None:
        checks += [_unknown_car(link) for link in _CAR]
    checks += [_car_check(link, case, one) for one in case.cars for link in _CAR]
    return [*checks, *(_check(link, case) for link in (*_HOUSE, *([_HOME] if home_assistant else [])))]


def _check(link: _Link, case: Case) -> Check:
    return Check(
        name=link.name,
        title=link.title,
        examine=partial(link.examine, case),
        within_s=link.within_s,
        needs=link.needs,
        after=link.after,
    )


def _car_check(link: _CarLink, case: Case, one: CarCase) -> Check:
    # A car over TCP shares nothing with the bridge that runs: nothing has to be waited for.
    after = tuple(name for name in link.after if one.by_radio or name != "bridge")
    return Check(
        name=f"{one.id}.{link.name}",
        title=f"{one.settings.name}: {link.title}",
        examine=partial(link.examine, case, one),
        within_s=link.within_s,
        needs=tuple(name.replace("+", f"{one.id}.") for name in link.needs if one.by_radio or name != "power"),
        after=after,
        car=one.id,
    )


def _unknown_car(link: _CarLink) -> Check:
    async def never(_tell: _Tell) -> Finding:
        raise AssertionError("a car that is not known cannot be looked at")

    return Check(
        name=f"car.{link.name}",
        title=f"Cars: {link.title}",
        examine=never,
        within_s=link.within_s,
        needs=(CONFIGURATION,),
    )
