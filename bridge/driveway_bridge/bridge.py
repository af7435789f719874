"""One run of the bridge: its parts, and how they are joined. The only place that knows all of them.

MQTT comes first, so that the bridge is seen early; what talks to the car takes a second to load on a small computer
and is loaded beside it. A command that arrives meanwhile waits within its time to live.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge import __version__, clients, code_store
from driveway_bridge.audit.trail import NOTE, Mark
from driveway_bridge.audit.writer import Audit
from driveway_bridge.boot import Boot
from driveway_bridge.clients import Register
from driveway_bridge.contract import Info, Result, Signer
from driveway_bridge.contract_topics import Topics
from driveway_bridge.errors import DrivewayError
from driveway_bridge.fleet import Fleet, Member
from driveway_bridge.health import Health
from driveway_bridge.memory import OWN, Memory
from driveway_bridge.memory_keeper import Keeper
from driveway_bridge.mqtt.admission import Admission
from driveway_bridge.mqtt.catalogue import CATALOGUE, car_info
from driveway_bridge.mqtt.client import Broker, Message
from driveway_bridge.mqtt.ear import Ear
from driveway_bridge.mqtt.happenings import Happenings
from driveway_bridge.mqtt.lease import Leases
from driveway_bridge.mqtt.publisher import Publisher
from driveway_bridge.mqtt.router import Router
from driveway_bridge.mqtt.uplink import Uplink
from driveway_bridge.notify import Notifier
from driveway_bridge.settings import Settings
from driveway_bridge.vin import car_id
from driveway_bridge.wall_clock import WallClock

if TYPE_CHECKING:
    from driveway_bridge.audit.history import Shown
    from driveway_bridge.car import Car
    from driveway_bridge.machinery import MakeDialer, Ways
    from driveway_bridge.mqtt.part import Part
    from driveway_bridge.signal_history import SignalPoint

_LOGGER = logging.getLogger(__name__)

FINISH_S: Final = 2.0
"""For what the car is doing when the bridge is stopped; with the next two less than the 5 s that it has for all."""
LEAVE_S: Final = 1.0
CLOSE_S: Final = 1.5
CLIENTS_S: Final = 2.0
"""How often it is looked whether the list of clients has changed, when no command comes."""
_LATER: Final = ("machinery", "operations")
_DISCOVERY: Final = "discovery"
"""The keeper's note on what Home Assistant was told by its own discovery."""
_RESTART: Final = (
    "base_topic",
    "bluetooth",
    "web",
    "plain_topics",
    "homeassistant_discovery",
    "discovery_prefix",
)
"""What takes effect with the next start."""


class Bridge:
    """Made for one run; what it holds on disk is opened in `run`."""

    def __init__(self, settings: Settings, data: Path, notifier: Notifier, dialers: MakeDialer | None = None) -> None:
        """Read who we are, or make it; ConfigurationError when the data folder cannot be used."""
        self._settings = settings
        self._data = data
        self._dialers = dialers
        self._notifier = notifier
        self._code, self._id = _identity(data)
        self._signer = Signer.from_code(self._code)
        self._clients = Register(data)
        self._boot = Boot()
        self._clock = WallClock()
        self._topics = Topics(settings.base_topic, self._id)
        self._health = Health(self._boot)
        self._listen_to = (
            self._topics.command(),
            self._topics.clock_request,
            *Leases.subscriptions(self._topics),
            *Happenings.subscriptions(self._topics),
            *self._further_topics(),
        )
        self._uplink = Uplink(self._broker(settings), on_message=self._receive, on_connected=self._announce)
        self._ear = Ear(self._topics, self._uplink)
        self._leases = Leases(self._topics, self._boot, self._uplink)
        self._leases.on_change = self._health.soon
        self._publisher = Publisher(self._topics, self._boot, self._info(()), self._uplink.publish)
        self._publisher.signers = self._signers
        self._happenings = Happenings(self._topics, self._boot, self._publisher.event)
        self._health.sources["mqtt"] = self._mqtt
        self._ear.on_change = self._health.soon
        self._admission = Admission(self._boot.id, (), [self._signer], CATALOGUE)
        self._admission.further = self._clients.look
        self._admission.unix_s = self._clock.unix_now
        self._health.sources["clients"] = self._clients.report
        self._router: Router | None = None
        self._fleet: Fleet | None = None
        self._parts: list[Part] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, then end everything within 5 s."""
        async with AsyncExitStack() as stack:
            keeper = Keeper(await asyncio.to_thread(Memory, self._data), self._boot, clock=self._clock)
            stack.push_async_callback(keeper.close)
            audit = self._open_audit(keeper)
            stack.push_async_callback(audit.close)
            fleet = self._fleet = Fleet(
                self._boot, self._publisher, keeper, self._health, self._leases, self._happenings
            )
            stack.callback(self._happenings.close)
            fleet.on_change = self._follow
            async with asyncio.TaskGroup() as tasks:
                router = self._router = Router(
                    self._topics,
                    self._boot,
                    self._admission,
                    fleet.cars,
                    self._publisher,
                    tasks,
                    may_wake=fleet.may_wake,
                    on_end=audit.record,
                    on_station=self._happenings.station,
                    ear=self._ear,
                )
                for gone in keeper.forget_all_but(car_id(one.vin) for one in self._settings.cars):
                    self._publisher.forget(gone)
                further = self._further(router, keeper)
                fleet.add(self._settings.cars)
                uplink = tasks.create_task(self._uplink.run())
                others = [
                    tasks.create_task(work)
                    for work in (
                        self._publisher.tick(),
                        self._ear.run(),
                        self._leases.run(),
                        self._health.run(self._tell_health),
                        self._notifier.watchdog(),
                        self._notifier.ready_at_last(),
                        keeper.run(),
                        audit.run(),
                        self._watch_clients(),
                        self._talk_to_cars(fleet),
                        *self._page(fleet, audit),
                        *further,
                    )
                ]
                await stop.wait()
                _LOGGER.info("The bridge is being stopped")
                self._notifier.stopping()
                self._leases.leave()
                await router.stop(FINISH_S)
                for task in others:
                    task.cancel()
                await asyncio.wait(others)
                await self._uplink.stop(LEAVE_S)
                uplink.cancel()

    async def change(self, settings: Settings) -> None:
        """Take over what has changed in the configuration; what needs a restart is told and stays as it is."""
        if settings.mqtt != self._settings.mqtt:
            self._uplink.change(self._broker(settings))
        for name in _RESTART:
            if getattr(settings, name) != getattr(self._settings, name):
                _LOGGER.warning("`%s` has changed in the configuration: this takes effect with the next start", name)
        if self._fleet is None:  # `run` has not come so far
            self._settings = replace(settings, **{name: getattr(self._settings, name) for name in _RESTART})
            return
        await self._fleet.change(settings.cars)
        self._settings = settings
        self._follow()

    # Joints -----------------------------------------------------------------------------------------------------------

    def _broker(self, settings: Settings) -> Broker:
        return Broker.of(
            settings.mqtt,
            client_id=f"driveway-{self._id}",  # the same after a restart: the broker then ends the old connection
            will_topic=self._topics.status,
            listen_to=self._listen_to,
        )

    def _signers(self) -> Iterable[Signer]:
        return (self._signer, *(client.signer for client in self._clients.look().values()))

    def _info(self, members: Iterable[Member]) -> Info:
        return Info(
            bridge=self._id,
            name=self._settings.name,
            version=__version__,
            boot=self._boot.id,
            cars=tuple(car_info(one.car.id, one.car.name, one.settings.vin, one.car.identity.role) for one in members),
            clients=(self._signer.client, *self._clients.look()),
            commands=tuple(CATALOGUE),
        )

    def _follow(self) -> None:
        """Say which cars there are, and what may be done with them."""
        if self._fleet is not None and self._router is not None:
            self._publisher.info = self._info(self._fleet.members.values())
            self._router.cars_changed()
            for part in self._parts:
                part.follow(self._publisher.info)

    def _open_audit(self, keeper: Keeper) -> Audit:
        noted = keeper.noted(OWN, NOTE)
        mark = None if noted is None else Mark.of(noted[0])
        audit = Audit(self._data, self._boot, self._clock, mark, lambda document: keeper.note(OWN, NOTE, document))
        audit.on_change = self._health.soon
        self._health.sources["audit"] = audit.report

        def changed(added: Sequence[str], removed: Sequence[str]) -> None:
            if added or removed:
                audit.event("clients", added=list(added), removed=list(removed))
            self._health.soon()
            self._follow()

        self._clients.on_change = changed
        return audit

    async def _watch_clients(self) -> None:
        """Tell soon who may sign, also while nobody gives a command."""
        while True:
            self._clients.look()
            await asyncio.sleep(CLIENTS_S)

    def _receive(self, message: Message) -> None:
        if self._leases.takes(message) or self._happenings.takes(message):
            return
        if any(part.takes(message) for part in self._parts):
            return
        if self._router is not None:
            self._router.receive(message)

    def _announce(self) -> None:
        self._publisher.announce(self._health.document())
        self._leases.connected()
        for part in self._parts:
            part.announce()
        self._ear.probe_soon()
        self._notifier.ready()

    def _mqtt(self) -> dict[str, Any]:
        ear = {"ear": self._ear.report(), "home_assistant_s_ago": self._ear.sender_s_ago}
        return {**self._uplink.report(), **ear, "twice": self._leases.twice}

    def _tell_health(self, document: dict[str, Any]) -> None:
        self._publisher.health(document)
        self._notifier.status(self._health.one_line())

    async def _talk_to_cars(self, fleet: Fleet) -> None:
        """Load what talks to cars, beside the running loop, and look after each car."""
        for name in _LATER:
            await asyncio.to_thread(importlib.import_module, f"driveway_bridge.{name}")
        from driveway_bridge.commands import table
        from driveway_bridge.machinery import Machinery, Ways
        from driveway_bridge.operations import OPERATIONS

        ways = Ways(self._settings.bluetooth)
        # Shielded: who is cancelled here would leave a file open that the thread is just opening.
        opening = asyncio.ensure_future(asyncio.to_thread(Machinery.open, self._data, self._dialers or ways.dialer))
        try:
            machinery = await asyncio.shield(opening)
            self._admission.make = table.build
            if self._router is not None:
                self._router.operations = OPERATIONS
            self._health.sources["radio"] = ways.report
            fleet.equip(machinery)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(ways.run())
                tasks.create_task(fleet.run())
        finally:
            await _close(ways)
            with contextlib.suppress(DrivewayError):  # told by whoever waited for it
                (await opening).close()

    def _page(self, fleet: Fleet, audit: Audit) -> list[Coroutine[Any, Any, None]]:
        """The bridge's own page, if it is wanted; its libraries are not loaded otherwise."""
        if self._settings.web is None:
            return []
        from driveway_bridge import web

        return [web.serve(self._settings.web, _View(self, fleet, audit), now=self._boot.now)]

    def _further_topics(self) -> Iterator[str]:
        if self._settings.plain_topics:
            yield self._topics.plain()
        if self._settings.homeassistant_discovery:
            yield from (self._topics.component, f"{self._settings.discovery_prefix}/status")

    def _further(self, router: Router, keeper: Keeper) -> list[Coroutine[Any, Any, None]]:
        """Make what is there only if it is wanted; it is not even loaded otherwise."""
        settings, work = self._settings, []
        if settings.plain_topics:
            from driveway_bridge.mqtt.plain import Plain

            plain = Plain(self._topics, self._boot, router, self._uplink.publish, settings.plain_topics)
            self._health.sources["plain"] = plain.report
            self._parts.append(plain)
            work.append(plain.run())
        noted = keeper.noted(OWN, _DISCOVERY)
        if settings.homeassistant_discovery or (noted is not None and noted[0].get("topics")):
            from driveway_bridge.mqtt.discovery import Discovery

            discovery = Discovery(
                self._topics,
                self._uplink.publish,
                self._publisher.info,
                wanted=settings.homeassistant_discovery,
                prefix=settings.discovery_prefix,
                allowed=settings.plain_topics,
                noted=None if noted is None else noted[0],
                note=lambda document: keeper.note(OWN, _DISCOVERY, document),
            )
            self._parts.append(discovery)
            work.append(discovery.run())
        return work

    @property
    def health(self) -> Health:
        """How the bridge is."""
        return self._health

    @property
    def code(self) -> str:
        """What Home Assistant asks for."""
        return self._code

    async def ask(self, car: str, command: str, asked_by: str) -> Result:
        """Do what somebody on the bridge itself asks for."""
        if self._router is None:
            raise RuntimeError("the bridge does not run")
        return await self._router.ask(car, command, {}, asked_by=asked_by)


class _View:
    """The bridge as its page sees it."""

    def __init__(self, bridge: Bridge, fleet: Fleet, audit: Audit) -> None:
        self._bridge = bridge
        self._fleet = fleet
        self._audit = audit

    def health(self) -> dict[str, Any]:
        return self._bridge.health.document()

    def cars(self) -> Sequence[Car]:
        return tuple(self._fleet.cars.values())

    def log(self, limit: int) -> Sequence[Shown]:
        return [one for one in self._audit.shown() if one.record.car in self._fleet.cars][:limit]

    def signal(self, car_id: str) -> Sequence[SignalPoint]:
        return self._fleet.members[car_id].signal.points()

    def code(self) -> str:
        return self._bridge.code

    async def command(self, car_id: str, command: str) -> Result:
        return await self._bridge.ask(car_id, command, clients.PAGE)


async def _close(ways: Ways) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await ways.close()
    except TimeoutError:
        _LOGGER.warning("The radio could not be given back in time")


def _identity(data: Path) -> tuple[str, str]:
    """The code and the id of this bridge; a new code is shown, this one time."""
    new = not (data / code_store.CODE_FILE).exists()
    code, bridge_id = code_store.load_or_create_code(data), code_store.load_or_create_bridge_id(data)
    if new:
        _LOGGER.info("The code of this bridge is %s. Home Assistant asks for it. `driveway code` shows it again.", code)
    return code, bridge_id
