"""The whole house: what is in it, in which order it starts, and how it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Self

from house import places
from house.bridge import Bridge
from house.broker import Broker
from house.car import Car
from house.cloud import Cloud
from house.home_assistant import HomeAssistant
from house.offline import Guard
from house.processes import HouseError, Process, free_port
from house.websocket import WebSocket

LOCK = "lock.anna"
REACHABLE = "binary_sensor.anna_reachable"
CLOUD_LOCK = "lock.anna_cloud"
OUTAGE = "switch.cloud_outage"
_OWN_ADDRESS = "127.0.0.1:1"
"""Home Assistant "connects" a datagram socket to it, which sends nothing, to learn its own address from the kernel."""


class House:
    """`async with House(folder, ...)`: everything runs inside, and has ended after it."""

    def __init__(
        self,
        folder: Path,
        *,
        say: Callable[[str], None] = lambda _text: None,
        with_cloud: bool = True,
        guard: Guard | None = None,
        hold: str = "keep",
        over: Literal["hci", "tcp"] = "hci",
        paired: bool = True,
        port: int = 0,
    ) -> None:
        """Plan a house in an empty folder; `say` hears what is ready, `port` is Home Assistant's if it is free.

        `hold` is how long the bridge keeps an idle link, as in its configuration. `over` is how it reaches the car: by
        a virtual radio, or without any over TCP. `paired`: the car knows its key.
        """
        self.folder = folder
        self.guard = guard
        self.paired = paired
        self._say = say
        driveway, bridge_path = places.driveway(), [str(places.ROOT / "bridge")]
        self.broker = Broker(folder)
        self.car = Car(folder, driveway, self._environment(bridge_path), over)
        self.bridge = Bridge(folder, driveway, self._environment(bridge_path), hold)
        self.cloud = Cloud(self.car) if with_cloud else None
        self.home = HomeAssistant(
            folder / "home-assistant",
            self._environment(places.home_assistant_path(), self._broker_address, _OWN_ADDRESS),
            port=free_port(port),
        )

    @property
    def websocket(self) -> WebSocket:
        return self.home.websocket

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Bring everything up; Home Assistant takes longest, so all the rest comes up beside it."""
        if self.cloud:
            await self.cloud.start()
            self._say(f"the stand-in for the maker's cloud: {self.cloud.url}")
        self.home.prepare(cloud_url=self.cloud.url if self.cloud else None)
        try:
            async with asyncio.TaskGroup() as group:
                starting = group.create_task(self._start_home())
                group.create_task(self._start_outside())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        starting.result()
        code = await self.bridge.code()
        await self.home.add_broker(port=self.broker.port, password=self.broker.passwords["homeassistant"])
        await self.home.add_discovered_bridge(code)
        self._say("Home Assistant found the bridge over MQTT and took its code")
        await self.lock_is_there()
        await self.home.show_dashboard_first()

    async def _start_home(self) -> None:
        await self.home.start()
        self._say(f"Home Assistant: {self.home.url}")

    async def _start_outside(self) -> None:
        await self.broker.start()
        self._say(f"the broker: 127.0.0.1:{self.broker.port}")
        key = await self.bridge.public_key()
        await self.car.start(enrolled=key if self.paired else None)
        way = "on a virtual radio" if self.car.over == "hci" else "over TCP"
        car_address = f"127.0.0.1:{self.car.port}"
        self._say(f"the car, {way}: {car_address}")
        self.bridge.environment = self._environment([str(places.ROOT / "bridge")], self._broker_address, car_address)
        await self.bridge.start(broker_port=self.broker.port, password=self.broker.passwords["driveway"], to=self.car)
        self._say("the bridge")

    @asynccontextmanager
    async def second_bridge(self, *, more: str = "") -> AsyncIterator[Bridge]:
        """Start another bridge of the same car at the same broker, with a key of its own that the car does not know."""
        folder = self.folder / "second-bridge"
        folder.mkdir(exist_ok=True)
        bridge = Bridge(folder, self.bridge.driveway, self.bridge.environment, self.bridge.hold, more)
        await bridge.start(broker_port=self.broker.port, password=self.broker.passwords["driveway"], to=self.car)
        try:
            yield bridge
        finally:
            if bridge.process:
                await bridge.process.stop()

    async def lock_is_there(self) -> None:
        """Wait until Home Assistant shows the state of the lock; fails at once when the bridge ends instead."""
        if not self.bridge.process:
            raise HouseError("The bridge was not started.")
        shown = self.websocket.becomes(LOCK, "locked", "unlocked", timeout_s=90)
        await self.bridge.process.brings(shown, "did not make the lock known", timeout_s=95)

    async def stop(self) -> None:
        """End all processes at the same time, and then the cloud, which Home Assistant was talking to."""
        processes = (self.bridge.process, self.car.process, self.broker.process)
        ending = [self.home.stop(), *(process.stop() for process in processes if process)]
        results: list[object] = await asyncio.gather(*ending, return_exceptions=True)
        if self.cloud:
            await self.cloud.stop()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def processes(self) -> list[Process]:
        """Those that run now."""
        every = (self.broker.process, self.car.process, self.bridge.process, self.home.process)
        return [process for process in every if process and process.running]

    @property
    def _broker_address(self) -> str:
        return f"127.0.0.1:{self.broker.port}"

    def _environment(self, paths: Sequence[str], *allowed: str) -> Mapping[str, str]:
        """Environment of a child in Python, with the guard if there is one."""
        guarding = self.guard.environment(*allowed) if self.guard else {}
        return {**guarding, "PYTHONPATH": os.pathsep.join([*filter(None, [guarding.get("PYTHONPATH")]), *paths])}


async def operate(house: House, verb: str) -> float:
    """Lock or unlock through Home Assistant and compare with the car itself; milliseconds until it was confirmed."""
    began = asyncio.get_running_loop().time()
    await house.websocket.call(f"lock.{verb}", LOCK)
    took_ms = (asyncio.get_running_loop().time() - began) * 1000
    try:
        await house.car.becomes(locked=verb == "lock", timeout_s=10)
    except TimeoutError as error:
        raise HouseError(f"Home Assistant says that {verb} is done, but the car itself did not {verb}") from error
    await house.websocket.becomes(LOCK, f"{verb}ed", timeout_s=15)
    return took_ms
