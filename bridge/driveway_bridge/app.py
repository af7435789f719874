"""The bridge: builds its parts, runs them together, and ends them in order. The only place that knows all of them.

MQTT comes first, so that the bridge is seen early; what talks to the car takes a second to load on a small computer
and is loaded beside it. A command that arrives meanwhile waits within its time to live.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from driveway_bridge import __version__, code_store
from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.config import CarSettings, Settings
from driveway_bridge.contract import CarInfo, Info, Signer, Topics
from driveway_bridge.errors import ConfigurationError
from driveway_bridge.mqtt.admission import Admission
from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.mqtt.client import Broker, Message
from driveway_bridge.mqtt.publisher import Publisher
from driveway_bridge.mqtt.router import Router
from driveway_bridge.mqtt.uplink import Uplink
from driveway_bridge.vin import car_id
from driveway_bridge.watch import Watch

if TYPE_CHECKING:
    from driveway_bridge.link.base import Dialer
    from driveway_bridge.session_store import SessionStore

_LOGGER = logging.getLogger(__name__)

FINISH_S: Final = 2.0
"""For what the car is doing when the bridge is stopped; with the next two less than the 5 s that it has for all."""
LEAVE_S: Final = 1.0
HANG_UP_S: Final = 1.5
_LATER: Final = ("vehicle", "commands.security", "key_store", "session_store")

MakeDialer = Callable[[CarSettings], "Dialer"]


async def run(
    settings: Settings, data: Path, *, dialers: MakeDialer | None = None, stop: asyncio.Event | None = None
) -> None:
    """Be the bridge until SIGTERM, SIGINT or `stop`. ConfigurationError when the data folder cannot be used."""
    stop = asyncio.Event() if stop is None else stop
    bridge = _Bridge(settings, data, dialers)
    with _signals(stop):
        try:
            await bridge.run(stop)
        except BaseExceptionGroup as group:
            wrong, rest = group.split(ConfigurationError)
            if wrong is None or rest is not None:
                raise
            raise _first(wrong) from None


def _first(group: BaseExceptionGroup[ConfigurationError]) -> ConfigurationError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


class _Bridge:
    """One run of the daemon."""

    def __init__(self, settings: Settings, data: Path, dialers: MakeDialer | None) -> None:
        self._settings = settings
        self._data = data
        self._dialers = dialers
        code, bridge_id = _identity(data)
        signer = Signer.from_code(code)
        boot = Boot()
        topics = Topics(settings.base_topic, bridge_id)
        ids = {car_id(car.vin): car for car in settings.cars}
        info = Info(
            bridge=bridge_id,
            name=settings.name,
            version=__version__,
            boot=boot.id,
            cars=tuple(CarInfo(id=one, name=car.name) for one, car in ids.items()),
            clients=(signer.client,),
            commands=tuple(CATALOGUE),
        )
        self._topics = topics
        self._boot = boot
        self._admission = Admission(boot.id, ids, [signer], CATALOGUE)
        self._uplink = Uplink(
            Broker(
                host=settings.mqtt.host,
                port=settings.mqtt.port,
                username=settings.mqtt.username,
                password=settings.mqtt.password,
                client_id=f"driveway-{bridge_id}",  # the same after a restart: the broker then ends the old connection
                will_topic=topics.status,
                subscriptions=(topics.command(), topics.clock_request),
            ),
            on_message=self._receive,
            on_connected=self._announce,
        )
        self._publisher = Publisher(topics, boot, info, self._uplink.publish)
        self._cars = {one: Car(one, car.name, boot, self._publisher) for one, car in ids.items()}
        self._router: Router | None = None
        self._store: asyncio.Future[SessionStore] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`, then end everything within 5 s."""
        try:
            async with asyncio.TaskGroup() as tasks:
                router = Router(self._topics, self._boot, self._admission, self._cars, self._publisher, tasks)
                self._router = router
                for car in self._cars.values():
                    car.tell()
                uplink = tasks.create_task(self._uplink.run())
                others = [tasks.create_task(self._publisher.tick()), tasks.create_task(self._talk_to_cars())]
                await stop.wait()
                _LOGGER.info("The bridge is being stopped")
                await router.stop(FINISH_S)
                for task in others:
                    task.cancel()
                await self._uplink.stop(LEAVE_S)
                uplink.cancel()
        finally:
            await self._hang_up()

    def _receive(self, message: Message) -> None:
        if self._router is not None:
            self._router.receive(message)

    def _announce(self) -> None:
        self._publisher.announce()

    async def _talk_to_cars(self) -> None:
        """Load what talks to cars, beside the running loop, and watch each car."""
        radio = any(car.link == "bluetooth" for car in self._settings.cars) and self._dialers is None
        for name in (*_LATER, *(["link.bluetooth"] if radio else [])):
            await asyncio.to_thread(importlib.import_module, f"driveway_bridge.{name}")
        from driveway_bridge import key_store
        from driveway_bridge.commands import security
        from driveway_bridge.session_store import SessionStore
        from driveway_bridge.vehicle import Vehicle

        key = await asyncio.to_thread(key_store.load_or_create, self._data)
        # Shielded: who is cancelled here would leave a file open that the thread is just opening.
        self._store = asyncio.ensure_future(asyncio.to_thread(SessionStore, self._data))
        sessions = await asyncio.shield(self._store)
        make_dialer = self._dialers or self._make_dialer
        async with asyncio.TaskGroup() as tasks:
            for settings in self._settings.cars:
                car = self._cars[car_id(settings.vin)]
                dialer = make_dialer(settings)
                vehicle = Vehicle(
                    settings.vin,
                    key,
                    dialer,
                    sessions,
                    hold_s=settings.hold_s,
                    on_body=car.heard_body,
                    on_link=car.heard_link,
                )
                car.equip(vehicle, dialer, lambda name: getattr(security, name)())
                tasks.create_task(Watch(car, settings.status_every_s).run())

    def _make_dialer(self, settings: CarSettings) -> Dialer:
        if settings.link == "bluetooth":
            from driveway_bridge.link.bluetooth import BluetoothDialer

            radio = self._settings.bluetooth
            return BluetoothDialer(settings.vin, hci=radio.hci, adapter=radio.adapter)
        from driveway_bridge.link.tcp import TcpDialer

        return TcpDialer(settings.link.host, settings.link.port)

    async def _hang_up(self) -> None:
        ends = await asyncio.gather(*(_close(car) for car in self._cars.values()), return_exceptions=True)
        for error in ends:
            if isinstance(error, Exception):
                _LOGGER.warning("A link could not be given back in order: %r", error)
        if self._store is not None:
            with contextlib.suppress(ConfigurationError):  # told by whoever waited for it
                (await self._store).close()


async def _close(car: Car) -> None:
    async with asyncio.timeout(HANG_UP_S):
        await car.close()


def _identity(data: Path) -> tuple[str, str]:
    """The code and the id of this bridge; a new code is shown, this one time."""
    new = not (data / code_store.CODE_FILE).exists()
    code, bridge_id = code_store.load_or_create_code(data), code_store.load_or_create_bridge_id(data)
    if new:
        _LOGGER.info("The code of this bridge is %s. Home Assistant asks for it. `driveway code` shows it again.", code)
    return code, bridge_id


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
