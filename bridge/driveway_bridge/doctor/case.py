"""The bridge that is looked at: what was found out on the way, and what is open and has to be closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from driveway_bridge import code_store
from driveway_bridge.config import BluetoothSettings, CarSettings, Settings
from driveway_bridge.contract import LinkState
from driveway_bridge.contract_json import ContractError
from driveway_bridge.contract_topics import Topics, valid_name
from driveway_bridge.errors import ConfigurationError, NotReached
from driveway_bridge.link.base import Dialer, Sighting
from driveway_bridge.vin import car_id

if TYPE_CHECKING:
    from driveway_bridge.doctor.post import Post
    from driveway_bridge.errand import Execution
    from driveway_bridge.protocol.keys import PrivateKey
    from driveway_bridge.session_store import Sessions
    from driveway_bridge.vehicle import Vehicle

CLOSE_S = 5.0
"""For giving back a link; BlueZ takes 2 s."""


class AdapterLike(Protocol):
    """One Bluetooth adapter of this computer."""

    @property
    def name(self) -> str:
        """As `hci0`."""
        ...

    @property
    def address(self) -> str:
        """Its address, upper case."""
        ...

    @property
    def powered(self) -> bool:
        """Whether it is switched on."""
        ...


class AirLike(Protocol):
    """The radio, as `link.air.Air`, or several."""

    async def run(self) -> None:
        """Listen for ever."""
        ...

    def report(self) -> dict[str, Any]:
        """How it is; `heard_per_minute` counts everybody."""
        ...

    async def close(self) -> None:
        """Give it back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """What is asked of this computer's Bluetooth."""

    adapters: Callable[[], Awaitable[tuple[AdapterLike, ...]]]
    """All adapters. NotReached `no_bluetooth_service` when the service cannot be asked."""
    air: Callable[[BluetoothSettings], AirLike]
    dialer: Callable[[str, Any], Dialer]
    """From VIN and air."""


def system_radio() -> Radio:
    """The real one; its libraries are loaded when it is used."""

    async def adapters() -> tuple[AdapterLike, ...]:
        from driveway_bridge.link import bluez  # D-Bus

        return await bluez.adapters()

    def air(settings: BluetoothSettings) -> AirLike:
        from driveway_bridge.link.assembly import assemble  # bleak

        return assemble(settings, heal=False)

    def dialer(vin: str, opened: Any) -> Dialer:
        from driveway_bridge.link.bluetooth import BluetoothDialer

        return BluetoothDialer(vin, opened)

    return Radio(adapters=adapters, air=air, dialer=dialer)


@dataclass(slots=True)
class CarCase:
    """One car of the configuration."""

    settings: CarSettings
    dialer: Dialer | None = None
    vehicle: Vehicle | None = None
    sighting: asyncio.Event = field(default_factory=asyncio.Event)
    signals: list[int] = field(default_factory=list)
    """In dBm, as they were heard."""
    last: Sighting | None = None
    linked: bool = False
    """Whether a connection came about."""
    execution: Execution | None = None
    """What became of the first question."""
    held: bool = False
    """Whether the running bridge keeps its connection to the car, so that we have none."""

    @property
    def id(self) -> str:
        """The car's id in topics."""
        return car_id(self.settings.vin)

    @property
    def by_radio(self) -> bool:
        """Whether Bluetooth of this computer is the way to it."""
        return self.settings.link == "bluetooth"

    def heard(self, sighting: Sighting) -> None:
        """Note an advertisement."""
        self.last = sighting
        if sighting.rssi_dbm is not None:
            self.signals.append(sighting.rssi_dbm)
        self.sighting.set()


class Case:
    """One examination. Use it as a context: what was opened on the way is closed at its end."""

    def __init__(
        self,
        file: Path,
        data: Path,
        *,
        only: str | None = None,
        radio: Radio | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """Take the configuration file and the data folder; `only` is the name, id or VIN of the one car to look at."""
        self.file = file
        self.data = data
        self.only = only
        self.environment = environment
        self.radio = radio or system_radio()
        self.settings: Settings | None = None
        self.cars: tuple[CarCase, ...] = ()
        self.key: PrivateKey | None = None
        self.adapters: tuple[AdapterLike, ...] = ()
        self.used_adapters: tuple[AdapterLike, ...] = ()
        self.bluetooth_trouble: NotReached | None = None
        self.post: Post | None = None
        self.deaf: str | None = None
        """What the broker said when it let us in, but not listen."""
        self.health: Mapping[str, Any] | None = None
        self.running = False
        """Whether the bridge itself has answered."""
        self.one_visit = asyncio.Lock()
        """One connection at a time: adapters do not like more."""
        self._air: AirLike | None = None
        self._listening: asyncio.Task[None] | None = None
        self._sessions: Sessions | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def choose_cars(self) -> None:
        """Take the cars to look at from the configuration, if there is one.

        LookupError, with the names of those that there are, when the one that is wanted is not among them.
        """
        configured = () if self.settings is None else self.settings.cars
        wanted = (self.only or "").casefold()
        self.cars = tuple(
            CarCase(car)
            for car in configured
            if not wanted or wanted in (car.name.casefold(), car.vin.casefold(), car_id(car.vin))
        )
        if configured and not self.cars:
            raise LookupError(", ".join(car.name for car in configured))

    @property
    def chosen(self) -> Settings:
        """The settings, for checks that run only when there are any."""
        assert self.settings is not None  # noqa: S101 - they need the check of the configuration
        return self.settings

    @property
    def bridge_id(self) -> str | None:
        """The bridge's id, if it was ever started with this folder."""
        try:
            text = (self.data / code_store.BRIDGE_ID_FILE).read_text("ascii").strip()
        except (OSError, ValueError):
            return None
        return text if valid_name(text) else None

    @property
    def topics(self) -> Topics:
        """The bridge's topics; of a bridge that has no id yet, under a name that none has."""
        return Topics(self.chosen.base_topic, self.bridge_id or "bridge-doctor")

    def push_close(self, close: Callable[[], Awaitable[object]]) -> None:
        """Have something closed at the end, last come first."""

        async def in_time() -> None:
            with contextlib.suppress(TimeoutError):  # the end of the process closes what does not close
                async with asyncio.timeout(CLOSE_S):
                    await close()

        self._stack.push_async_callback(in_time)

    def told_of(self, car: CarCase) -> LinkState | None:
        """What the running bridge says of its own connection to a car; None when none runs or it does not tell."""
        payload = self.post.last.get(self.topics.link(car.id)) if self.running and self.post is not None else None
        with contextlib.suppress(ContractError):
            return LinkState.parse(payload) if payload else None
        return None

    # The car ----------------------------------------------------------------------------------------------------------

    def air(self) -> AirLike:
        """The radio, opened when it is first asked for."""
        if self._air is None:
            self._air = self.radio.air(self.chosen.bluetooth)
            self.push_close(self._air.close)
        return self._air

    def listen(self) -> asyncio.Task[None]:
        """Begin to listen; the task ends only with an error."""
        if self._listening is None:
            self._listening = asyncio.create_task(self.air().run())
            self.push_close(self._stop_listening)
        return self._listening

    async def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait((self._listening,))
            if not self._listening.cancelled():
                self._listening.exception()  # told by whoever waited for a car

    def dialer_of(self, car: CarCase) -> Dialer:
        """The way to a car; nothing is opened yet."""
        if car.dialer is None:
            if car.settings.link == "bluetooth":
                car.dialer = self.radio.dialer(car.settings.vin, self.air())
            else:
                from driveway_bridge.link.tcp import TcpDialer

                car.dialer = TcpDialer(car.settings.link.host, car.settings.link.port)
            self.push_close(car.dialer.close)
        return car.dialer

    def vehicle_of(self, car: CarCase) -> Vehicle:
        """The car, with the bridge's key; where there is none, with one that nobody knows: some answers need none."""
        if car.vehicle is None:
            from driveway_bridge.protocol.keys import PrivateKey  # cryptography and protobuf: 0.2 s
            from driveway_bridge.vehicle import Vehicle

            key = self.key or PrivateKey.generate()
            car.vehicle = Vehicle(car.settings.vin, key, self.dialer_of(car), self._remembered(), hold_s=20.0)
            self.push_close(car.vehicle.close)
        return car.vehicle

    def _remembered(self) -> Sessions:
        """The bridge's own memory, so that no counter is used twice; where it has none, no memory is made."""
        if self._sessions is None:
            from driveway_bridge import session_store

            self._sessions = session_store.ForgetfulStore()
            if self.key is not None and (self.data / session_store.FILE).exists():
                with contextlib.suppress(ConfigurationError):  # the check of the folder tells why
                    store = session_store.SessionStore(self.data)
                    self._stack.callback(store.close)
                    self._sessions = store
        return self._sessions
