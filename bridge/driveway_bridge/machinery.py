"""What talks to cars: the key, the sessions, the radio and the commands. Loaded late, because it is large."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driveway_bridge import key_store
from driveway_bridge.car import Car, Equipment
from driveway_bridge.commands import table
from driveway_bridge.link.base import Dialer
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.session_store import SessionStore
from driveway_bridge.settings import BluetoothSettings, CarSettings
from driveway_bridge.vehicle import Vehicle

if TYPE_CHECKING:
    from driveway_bridge.link.air import Air
    from driveway_bridge.link.diversity import Diversity

MakeDialer = Callable[[CarSettings, Car], Dialer]


class Machinery:
    """One for all cars of the bridge; `open` and `close` wait for the disk."""

    def __init__(self, key: PrivateKey, sessions: SessionStore, make_dialer: MakeDialer) -> None:
        self._key = key
        self._sessions = sessions
        self._make_dialer = make_dialer

    @classmethod
    def open(cls, data: Path, make_dialer: MakeDialer) -> Machinery:
        """Read the key, or make one, and open the sessions; ConfigurationError when the folder cannot be used."""
        return cls(key_store.load_or_create(data), SessionStore(data), make_dialer)

    def close(self) -> None:
        """Close the sessions."""
        self._sessions.close()

    def equip(self, settings: CarSettings, car: Car) -> Equipment:
        """Make what one car is talked to with; it tells the car what it hears."""
        dialer = self._make_dialer(settings, car)
        vehicle = Vehicle(
            settings.vin,
            self._key,
            dialer,
            self._sessions,
            hold_s=settings.hold_s,
            on_body=car.heard_body,
            on_link=car.heard_link,
        )
        return Equipment(vehicle, dialer, table.build)


class Ways:
    """Makes the way to each car; the radio is one for all of them, and there is none before a car needs it."""

    def __init__(self, settings: BluetoothSettings) -> None:
        self._settings = settings
        self._air: Air | Diversity | None = None
        self._needed = asyncio.Event()

    def dialer(self, settings: CarSettings, car: Car) -> Dialer:
        """Make the way to one car."""
        if settings.link == "bluetooth":
            from driveway_bridge.link.bluetooth import BluetoothDialer

            return BluetoothDialer(
                settings.vin,
                self._radio(),
                address=car.identity.address,
                on_address=lambda address: car.learn(address=address),
            )
        from driveway_bridge.link.tcp import TcpDialer

        return TcpDialer(settings.link.host, settings.link.port)

    async def run(self) -> None:
        """Look after the radio for ever, from when there is one. RadioGivenUp when only a restart can help."""
        await self._needed.wait()
        await self._radio().run()

    async def close(self) -> None:
        """Give the radio back."""
        if self._air is not None:
            await self._air.close()

    def report(self) -> dict[str, Any]:
        """How the radio is; nothing where none is needed."""
        return {} if self._air is None else self._air.report()

    def _radio(self) -> Air | Diversity:
        if self._air is None:
            from driveway_bridge.link.assembly import assemble

            self._air = assemble(self._settings)
            self._needed.set()
        return self._air
