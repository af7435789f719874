"""A radio that the test plays, below bleak's public classes: what is heard, what fails, and who is subscribed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError

from driveway_bridge.errors import NotReached
from driveway_bridge.link.gatt import FROM_CAR, SERVICE, TO_CAR
from driveway_bridge.link.radio import Radio
from driveway_bridge.protocol.framing import frame
from driveway_bridge.vin import local_name

VIN = "5YJ30123456789ABC"
OTHER_VIN = "5YJ3F1FB9JF111111"
CAR_ADDRESS = "06:00:00:00:00:01"
NEIGHBOUR = "06:00:00:00:00:99"


class PlayedRadio:
    """A source of radios, all of them this one."""

    kind = "system"

    def __init__(self) -> None:
        self.log: list[str] = []
        """What was done to it: open, scan, end, power, connect N, subscribe N, disconnect N."""
        self.name = "hci0"
        self.absent: str | None = None
        """The reason why there is no radio now."""
        self.refuses: Exception | None = None
        """What a scan fails with."""
        self.power_fails: str | None = None
        self.deaf = False
        self.healed_by_power = False
        self.connects: Callable[[], Exception | None] = lambda: None
        self.connect_s = 0.3
        self.scan_runs = True
        self.scanners: list[PlayedScanner] = []
        self.clients: list[PlayedClient] = []
        self._advertising: dict[str, asyncio.Task[None]] = {}

        class Scanner(PlayedScanner):
            radio = self

        class Client(PlayedClient):
            radio = self

        self.scanner, self.client = Scanner, Client

    # As a RadioSource.

    async def open(self, within_s: float) -> Radio:
        if self.absent is not None:
            raise NotReached(self.absent, "as played")
        return Radio(
            scanner_arguments={"backend": self.scanner},
            client_arguments={"backend": self.client},
            name=self.name,
            address="00:11:22:33:44:55",
        )

    async def scans(self, radio: Radio) -> bool:
        return self.scan_runs

    async def power_cycle(self, radio: Radio | None) -> None:
        self.log.append("power")
        if self.power_fails is not None:
            raise NotReached(self.power_fails, "as played")
        if self.healed_by_power:
            self.deaf = False
            self.refuses = None

    async def close(self) -> None:
        pass

    # What the test plays.

    def hear(
        self,
        address: str = CAR_ADDRESS,
        name: str | None = local_name(VIN),
        *,
        rssi: int = -60,
        connectable: bool | None = None,
    ) -> None:
        """Let an advertisement come in, if the radio is able to hear."""
        platform: tuple[Any, ...] = () if connectable is None else ({"connectable": connectable},)
        data = AdvertisementData(
            local_name=name,
            manufacturer_data={},
            service_data={},
            service_uuids=[],
            tx_power=None,
            rssi=rssi,
            platform_data=platform,
        )
        for scanner in [] if self.deaf or not self.scan_runs else list(self.scanners):
            scanner.take(address, data)

    def advertise(self, address: str = CAR_ADDRESS, name: str | None = local_name(VIN), every_s: float = 1.0) -> None:
        """Let somebody advertise from now on."""

        async def go() -> None:
            while True:
                self.hear(address, name)
                await asyncio.sleep(every_s)

        self._advertising[address] = asyncio.get_running_loop().create_task(go())

    async def hush(self, *addresses: str) -> None:
        """Let somebody, or all, advertise no more."""
        for address in addresses or tuple(self._advertising):
            if (task := self._advertising.pop(address, None)) is not None:
                task.cancel()
                await asyncio.wait({task})

    def count(self, what: str) -> int:
        """How often something was done."""
        return self.log.count(what)


class PlayedScanner(BaseBleakScanner):
    radio: ClassVar[PlayedRadio]

    def __init__(self, detection_callback: Any = None, service_uuids: Any = None, *_: Any, **__: Any) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        self.radio.log.append("scan")
        if self.radio.refuses is not None:
            raise self.radio.refuses
        self.radio.scan_runs = True
        self.radio.scanners.append(self)

    async def stop(self) -> None:
        self.radio.log.append("end")
        if self in self.radio.scanners:
            self.radio.scanners.remove(self)

    def take(self, address: str, data: AdvertisementData) -> None:
        device = self.create_or_update_device(address, address, data.local_name, None, data)
        self.call_detection_callbacks(device, data)


class PlayedClient(BaseBleakClient):
    """As bleak's client for BlueZ: whoever has not called `disconnect` stays subscribed, also after a loss."""

    radio: ClassVar[PlayedRadio]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, timeout=named["timeout"], disconnected_callback=named["disconnected_callback"])
        self.radio.clients.append(self)
        self.number = len(self.radio.clients)
        self.up = False
        self.subscriber: Callable[[bytearray], None] | None = None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        self.radio.log.append(f"connect {self.number}")
        await asyncio.sleep(self.radio.connect_s)
        if (error := self.radio.connects()) is not None:
            raise error
        self.up = True
        self.services = BleakGATTServiceCollection()
        service = BleakGATTService(None, 1, SERVICE)
        self.services.add_service(service)
        for handle, uuid, kind in ((2, TO_CAR, "write"), (4, FROM_CAR, "indicate")):
            self.services.add_characteristic(
                BleakGATTCharacteristic(None, handle, uuid, [kind], lambda: 244, service)  # type: ignore[list-item]
            )

    async def disconnect(self) -> None:
        self.radio.log.append(f"disconnect {self.number}")
        self.up = False
        self.subscriber = None

    def drop(self) -> None:
        """The car hangs up."""
        self.radio.log.append(f"drop {self.number}")
        self.up = False
        if self._disconnected_callback:
            self._disconnected_callback()

    async def start_notify(self, characteristic: Any, callback: Any, **_: Any) -> None:
        self.radio.log.append(f"subscribe {self.number}")
        self.subscriber = callback

    async def write_gatt_char(self, characteristic: Any, data: Any, response: bool) -> None:
        """The car answers; each subscriber gets the answer, also a forgotten one."""
        for client in self.radio.clients:
            if client.subscriber is not None:
                client.subscriber(bytearray(frame(b"answer")))

    @property
    def is_connected(self) -> bool:
        return self.up

    @property
    def name(self) -> str:
        return "car"

    @property
    def mtu_size(self) -> int:
        return 247

    async def pair(self, *_: Any, **__: Any) -> None:
        raise BleakError("no")

    async def unpair(self) -> None:
        raise BleakError("no")

    async def read_gatt_char(self, *_: Any, **__: Any) -> bytearray:
        raise BleakError("no")

    async def read_gatt_descriptor(self, *_: Any, **__: Any) -> bytearray:
        raise BleakError("no")

    async def write_gatt_descriptor(self, *_: Any, **__: Any) -> None:
        raise BleakError("no")

    async def stop_notify(self, *_: Any, **__: Any) -> None:
        self.subscriber = None
