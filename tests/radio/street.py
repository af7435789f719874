"""What is around the house: the air, the car in it, and the chips of the machine's adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from driveway_bridge.simulator.bluetooth import MTU, BluetoothCar
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import PROFILES
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.virtual_radio.air import Air
from driveway_bridge.virtual_radio.controller import Unit
from driveway_bridge.virtual_radio.hci_port import HciPort
from tests.radio.machine import GuestError, Machine

VIN = "5YJ30123456789ABC"
FIELD = replace(PROFILES["field"], connect_s=0.0)
"""As in the field, but a link takes the time that it takes: here it really comes about."""
FIRST = "02:00:00:00:00:01"
SECOND = "02:00:00:00:00:02"
PLUG_S = 60.0
_SHOW = "bluetoothctl show"


class Adapter:
    """One that is plugged into the machine; its chip is a unit on the air."""

    def __init__(self, port: HciPort, address: str) -> None:
        self.address = address
        self._port = port

    @property
    def chip(self) -> Unit:
        """What the air knows it as."""
        return self._port.unit

    def unplug(self) -> None:
        """Take it away, whatever it is doing."""
        self._port.close()


class Street:
    """The air above one machine, and a car."""

    def __init__(self, machine: Machine, air: Air, live: LiveCar, radio: BluetoothCar) -> None:
        self.machine = machine
        self.air = air
        self.live = live
        self.radio = radio
        self.events: list[dict[str, Any]] = []
        """What the car has told of itself, in order."""
        self.adapters: list[Adapter] = []

    @property
    def car(self) -> Car:
        """The car itself."""
        return self.live.virtual.car

    async def put_right(self) -> None:
        """Undo what a test has done: the car is near and takes links, one good adapter is plugged in."""
        await self.radio.reappear()
        self.radio.accept_links(on=True)
        await self.radio.advertise(on=True)
        for adapter in self.adapters[1:]:
            await self.unplug(adapter)
        if not self.adapters:
            await self.plug_in()

    def locked(self) -> bool:
        """Whether its bolts are."""
        return self.car.locked

    @classmethod
    @asynccontextmanager
    async def around(cls, machine: Machine, *, vin: str = VIN, mtu: int = MTU) -> AsyncIterator[Street]:
        """A street with a car, and no adapter yet."""
        air = Air()
        events: list[dict[str, Any]] = []
        live = LiveCar(VirtualCar(vin, profile=FIELD, report=events.append))
        radio = BluetoothCar(air, vin, live, mtu=mtu)
        street = cls(machine, air, live, radio)
        street.events = events
        try:
            async with radio:
                yield street
        finally:
            live.close()
            for adapter in street.adapters:
                adapter.unplug()
            air.close()

    async def plug_in(self, address: str = FIRST) -> Adapter:
        """Plug an adapter in, and wait until BlueZ has switched it on."""
        loop = asyncio.get_running_loop()
        _, port = await loop.create_connection(
            lambda: HciPort(self.air, address), "127.0.0.1", self.machine.ports["adapter"]
        )
        adapter = Adapter(port, address)
        self.adapters.append(adapter)
        await self.until_powered(address)
        return adapter

    async def unplug(self, adapter: Adapter) -> None:
        """Take an adapter away, and wait until BlueZ has noticed."""
        self.adapters.remove(adapter)
        adapter.unplug()
        await self.machine.until(f"! {_SHOW} {adapter.address}", PLUG_S)

    async def until_powered(self, address: str = FIRST) -> None:
        """Wait until BlueZ has this adapter and it is on."""
        await self.machine.until(f"{_SHOW} {address} | grep 'Powered: yes'", PLUG_S)

    async def hci(self, address: str = FIRST) -> str:
        """What this adapter is called now."""
        for path in (await self.machine.sh("busctl tree --list org.bluez | grep -E '/hci[0-9]+$'")).split():
            said = await self.machine.sh(f"busctl get-property org.bluez {path} org.bluez.Adapter1 Address")
            if address in said:
                return path.rpartition("/")[2]
        raise GuestError(f"BlueZ has no adapter {address}")
