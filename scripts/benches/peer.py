"""The other client, tesla-fleet-api, over TCP: its Bluetooth half unmodified, with a stand-in for bleak below it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bleak
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
from cryptography.hazmat.primitives.asymmetric import ec
from tesla_fleet_api.tesla.bluetooth import TeslaBluetooth
from tesla_fleet_api.tesla.vehicle.bluetooth import READ_UUID, VehicleBluetooth

_CHUNK = 4096
_SENDER = SimpleNamespace(uuid=READ_UUID)


class TcpClient:
    """As much of bleak's client as the peer uses. The device's address is HOST:PORT."""

    def __init__(self, device: BLEDevice, *_: Any, **__: Any) -> None:
        self._host, _colon, self._port = device.address.rpartition(":")
        self._writer: asyncio.StreamWriter | None = None
        self._notify: Callable[[Any, bytearray], None] = lambda _sender, _data: None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection that we have not closed."""
        return self._writer is not None

    async def connect(self, **_: Any) -> None:
        """Connect, with the options that our own client uses."""
        reader, self._writer = await asyncio.open_connection(self._host, int(self._port))
        self._writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._task = asyncio.get_running_loop().create_task(self._receive(reader))

    async def disconnect(self) -> None:
        """Hang up."""
        if self._writer is None or self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        self._writer.close()
        await self._writer.wait_closed()
        self._writer = None

    async def start_notify(self, _uuid: str, notify: Callable[[Any, bytearray], None], **_: Any) -> None:
        """Hand over what arrives."""
        self._notify = notify

    async def write_gatt_char(self, _uuid: str, data: bytearray, _response: object = None) -> None:
        """Send one frame."""
        if self._writer is None:
            raise BleakError("not connected")
        self._writer.write(data)
        await self._writer.drain()

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_CHUNK):
            self._notify(_SENDER, bytearray(data))


async def connect(vin: str, key: ec.EllipticCurvePrivateKey, host: str, port: int) -> VehicleBluetooth[Any]:
    """Open the peer's link to a car; `disconnect` it after use."""
    bleak.BleakClient = TcpClient  # type: ignore[misc,assignment]  # where the peer looks for it when it connects
    vehicle: VehicleBluetooth[Any] = VehicleBluetooth(TeslaBluetooth(), vin, key, keepalive_interval=None)
    vehicle.set_device(BLEDevice(f"{host}:{port}", "car", None))
    await vehicle.connect()
    return vehicle
