"""A whole chain that is well, to break it link by link; and what the doctor says of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from driveway_bridge import __version__, code_store, key_store
from driveway_bridge.config import BluetoothSettings
from driveway_bridge.contract import CarInfo, Info
from driveway_bridge.contract_topics import Topics
from driveway_bridge.doctor.case import Case, Radio
from driveway_bridge.doctor.chain import Check, Examined, first_broken
from driveway_bridge.doctor.finding import Finding, State
from driveway_bridge.doctor.plan import examine
from driveway_bridge.link.base import Dialer, Link, Sighting
from driveway_bridge.proto import Role
from driveway_bridge.simulator.listeners import TcpListener
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.vin import car_id
from tests.bridge import paho_thread
from tests.bridge.daemon.mosquitto import Mosquitto

VIN = "5YJ30123456789ABC"
OTHER_VIN = "5YJ3F1FB9JF111111"
CAR = car_id(VIN)
TOLD_EVERY_S = 0.1


class Audience:
    """Hears what is shown."""

    def __init__(self) -> None:
        self.planned_names: list[str] = []
        self.texts: list[tuple[str, str]] = []

    def planned(self, checks: Sequence[Check]) -> None:
        self.planned_names += [check.name for check in checks]

    def doing(self, check: Check, text: str) -> None:
        self.texts.append((check.name, text))

    def ended(self, examined: Examined) -> None: ...


class Findings:
    """The doctor's findings."""

    def __init__(self, examined: list[Examined]) -> None:
        self.examined = examined
        self.by_name = {one.check.name: one.finding for one in examined}

    def __getitem__(self, name: str) -> Finding:
        return self.by_name[name]

    @property
    def first(self) -> str | None:
        first = first_broken(self.examined)
        return None if first is None else first.check.name

    def names(self, state: State) -> set[str]:
        return {name for name, finding in self.by_name.items() if finding.state is state}

    @property
    def text(self) -> str:
        return "\n".join(f"{one.check.title} {one.finding.found} {one.finding.remedy}" for one in self.examined)


class FakeBridge:
    """What a running bridge tells of itself at the broker; on paho's own thread."""

    def __init__(self, topics: Topics, port: int) -> None:
        self.topics = topics
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._clock: asyncio.Task[None] | None = None
        self.info = Info(
            bridge=topics.bridge, name="Garage", version=__version__, boot="b1", cars=(CarInfo(id=CAR, name="Anna"),)
        )

    def tell(self, topic: str, payload: str) -> None:
        """Store something at the broker; it has arrived when this returns."""
        self._client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)

    def online(self, *, home_assistant_s_ago: float | None = 5.0, **health: Any) -> None:
        """Be well."""
        self.tell(self.topics.info, self.info.payload())
        document = {"boot": "b1", "mqtt": {"home_assistant_s_ago": home_assistant_s_ago}} | health
        self.tell(self.topics.health, json.dumps(document))
        self.tell(self.topics.status, "online")
        if self._clock is None:
            self._clock = asyncio.ensure_future(self._tick())

    async def silence(self) -> None:
        """Hang: whatever lies stored stays."""
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.wait((self._clock,))
            self._clock = None

    async def offline(self) -> None:
        await self.silence()
        self.tell(self.topics.status, "offline")

    async def close(self) -> None:
        await self.silence()
        await asyncio.to_thread(paho_thread.end, self._client)

    async def _tick(self) -> None:
        while True:
            self._client.publish(self.topics.clock, json.dumps({"boot": "b1", "now": 100.0}))
            await asyncio.sleep(TOLD_EVERY_S)


class Street:
    """Everything from the configuration to Home Assistant; change it, then `look`."""

    def __init__(self, folder: Path, broker: Mosquitto, *, role: Role = Role.ROLE_DRIVER) -> None:
        self.folder = folder
        self.broker = broker
        self.data = folder / "data"
        self.file = folder / "driveway.yaml"
        self.data.mkdir(mode=0o700)
        self.key = key_store.load_or_create(self.data)
        self.topics = Topics("driveway", code_store.load_or_create_bridge_id(self.data))
        self.told: list[dict[str, Any]] = []
        self.virtual = VirtualCar(VIN, report=self.told.append)
        self.virtual.enrol(self.key.public, role)
        self.audience = Audience()

    async def __aenter__(self) -> Self:
        self.live = LiveCar(self.virtual)
        self.listener = TcpListener(self.live, "127.0.0.1", 0)
        await self.listener.start()
        self.bridge = FakeBridge(self.topics, self.broker.port)
        self.bridge.online()
        self.configure()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.bridge.close()
        await self.listener.stop()
        self.live.close()

    def configure(self, *, mqtt: str = "", link: str | None = None, vin: str = VIN, more: str = "") -> None:
        link = link or self.listener.address
        self.file.write_text(
            f"mqtt: {{port: {self.broker.port}{mqtt}}}\ncars:\n  - {{vin: {vin}, name: Anna, link: '{link}'}}\n{more}"
        )

    async def look(
        self, *, radio: Radio | None = None, only: str | None = None, home_assistant: bool = True
    ) -> Findings:
        async with Case(self.file, self.data, only=only, radio=radio, environment={}) as case:
            return Findings(await examine(case, self.audience, home_assistant=home_assistant))


class PlayedAdapter:
    def __init__(self, name: str = "hci0", address: str = "00:11:22:33:44:55", *, powered: bool = True) -> None:
        self.name, self.address, self.powered = name, address, powered


class PlayedAir:
    """A radio that hears what it is told."""

    def __init__(self) -> None:
        self.sightings: list[Sighting] = []
        self.told: dict[str, Any] = {"heard_per_minute": 0, "reason": None}
        self.dialers: list[PlayedDialer] = []
        self.closed = 0

    async def run(self) -> None:
        for dialer in self.dialers:
            for sighting in self.sightings:
                dialer.tell(sighting)
        await asyncio.Event().wait()

    def report(self) -> dict[str, Any]:
        return self.told

    async def close(self) -> None:
        self.closed += 1


class PlayedDialer:
    """Reaches the car at its address, and says that it is Bluetooth."""

    name = "bluetooth"
    listening = True
    last_heard: Sighting | None = None

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self.tell: Callable[[Sighting], None] = lambda _sighting: None
        self.dialled = 0

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        self.tell = tell

    async def connect(self, deadline_s: float) -> Link:
        self.dialled += 1
        return await self._dialer.connect(deadline_s)

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self._dialer.close()


class PlayedRadio:
    """This computer's Bluetooth, all of it."""

    def __init__(self, street: Street, *, rssi_dbm: int | None = -62, connectable: bool | None = True) -> None:
        from driveway_bridge.link.tcp import TcpDialer

        self.adapters: list[PlayedAdapter] = [PlayedAdapter()]
        self.error: Exception | None = None
        self.air = PlayedAir()
        self.settings: BluetoothSettings | None = None
        if rssi_dbm is not None:
            self.air.sightings = [Sighting(at=0.0, rssi_dbm=rssi_dbm, connectable=connectable)] * 3
        host, port = "127.0.0.1", int(street.listener.address.rpartition(":")[2])
        self.dialer = PlayedDialer(TcpDialer(host, port))
        self.air.dialers.append(self.dialer)

    def radio(self) -> Radio:
        async def adapters() -> tuple[PlayedAdapter, ...]:
            if self.error is not None:
                raise self.error
            return tuple(self.adapters)

        def air(settings: BluetoothSettings) -> PlayedAir:
            self.settings = settings
            return self.air

        return Radio(adapters=adapters, air=air, dialer=lambda _vin, _air: self.dialer)
