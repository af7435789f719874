"""The way to one car over Bluetooth: whether it is near is known from listening; then connect."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from driveway_bridge.errors import NotReached
from driveway_bridge.link.base import Link, Sighting
from driveway_bridge.link.bluetooth_link import BluetoothLink, Forgotten, NotTheCar, open_link
from driveway_bridge.link.ear import Ear
from driveway_bridge.link.radio import Radio
from driveway_bridge.link.way import Way
from driveway_bridge.vin import local_name, other_name

if TYPE_CHECKING:
    from driveway_bridge.link.air import Air
    from driveway_bridge.link.diversity import Diversity

FRESH_S: Final = 10.0
"""A car heard so recently is dialled at once; BlueZ may pass on what it hears only every 9 s."""
LISTEN_S: Final = 2.5
"""A car that is not heard in so long, by a radio that was listening, is not near: it shows itself 5 times a second."""
COLD_S: Final = 5.0
"""A radio that has just begun to listen gets more."""
REFRESH_S: Final = 2.0
FULL_PATIENCE_S: Final = 1.0
"""A car that has just lost a link says `full` for a moment longer."""
ATTEMPT_S: Final = 6.0
"""For one connection, from the daemon: then the car must be heard again first, lest a car that left costs a minute."""
FIRST_SHARE: Final = 0.6
"""Of the time that is left, for the best of several radios; the rest is for the next one."""
FORGOTTEN: Final = {"places_full": 3, "no_connection": 2}
"""So often BlueZ may know the car no more within one attempt before that is told as the reason."""

_MOMENT_S: Final = 0.001


def _nobody(_address: str) -> None:
    """Take no note of the address."""


class BluetoothDialer:
    """Opens links to the car with this VIN, one at a time. A remembered `address` is believed beside the name."""

    name = "bluetooth"

    def __init__(
        self,
        vin: str,
        air: Air | Diversity,
        *,
        address: str | None = None,
        on_address: Callable[[str], None] = _nobody,
    ) -> None:
        self._air = air
        self._ear = Ear(local_name(vin), other_name(vin), address=address, on_address=on_address)
        self._link: BluetoothLink | None = None
        self._way: Way | None = None
        self._dialling = asyncio.Lock()
        air.join(self._ear)

    @property
    def last_heard(self) -> Sighting | None:
        """When, how strongly and how the car was last heard."""
        return self._ear.last_heard

    @property
    def listening(self) -> bool:
        """Whether the car would be heard now if it were near."""
        return self._air.listens_for(self._ear)

    def on_sighting(self, tell: Callable[[Sighting], None]) -> None:
        """Call `tell` from now on when the car is heard, once a second at most."""
        self._ear.on_sighting(tell)

    async def connect(self, deadline_s: float) -> Link:
        """Open a link; an earlier one is given back first.

        NotReached `not_in_range` (within 3 s where the air has been listening), `places_full`, `no_connection`,
        `radio_deaf`, or what else is wrong with the radio.
        """
        until = _now() + deadline_s
        async with self._dialling:
            await self._hang_up()
            self._air.join(self._ear)
            way = await self._find(until)
            forgotten = 0
            while True:
                try:
                    self._link = await self._go(way, until)
                except Forgotten as error:
                    forgotten += 1
                    if forgotten >= FORGOTTEN[error.reason]:
                        raise
                    way = await self._find_again(until, error)
                else:
                    return self._link

    async def close(self) -> None:
        """Give back the link, and the radio where nobody else uses it; `connect` opens them anew."""
        async with self._dialling:
            await self._hang_up()
            await self._air.leave(self._ear)

    async def _go(self, way: Way, until: float) -> BluetoothLink:
        """Connect on this way. Where there is another, whatever is wrong with its radio is no reason to give up."""
        if way.others:
            until = _now() + (until - _now()) * FIRST_SHARE
        try:
            async with way.air.connecting(until) as radio:
                return await self._dial(radio, way, until)
        except Forgotten:
            raise
        except NotReached as error:
            way.failed(_now())
            if way.others and error.reason != "no_connection":
                raise NotReached("no_connection", f"{way.radio_name}: {error.detail or error}") from error
            raise

    async def _dial(self, radio: Radio, way: Way, until: float) -> BluetoothLink:
        within_s = until - _now()
        try:
            link = await open_link(radio, way.device, min(within_s, ATTEMPT_S) if self._air.running else within_s)
        except Forgotten:
            raise  # which says nothing against the car's address, nor the adapter
        except NotReached as error:
            if error.reason == "no_connection":
                self._ear.failed(_now())
                if not isinstance(error, NotTheCar):
                    heard = self._ear.last_heard
                    way.air.not_linked(heard.rssi_dbm if heard else None)
            raise
        self._way = way
        self._ear.worked()
        way.worked()
        way.air.linked(link)
        return link

    async def _find(self, until: float) -> Way:
        """Give the way to the car as it was heard of late, or listen for it."""
        ear = self._ear
        if self._air.running:
            sighting = ear.heard_since(_now() - FRESH_S)
            if sighting is not None and sighting.connectable is not False:
                with contextlib.suppress(NotReached):  # the radio that heard it has gone: it may be back in time
                    return self._air.way(ear)
        async with self._air.wanted():
            return await self._listen(until)

    async def _find_again(self, until: float, forgotten: Forgotten) -> Way:
        """Listen for a car that was heard a moment ago; there is no time to say that it has left.

        That BlueZ has dropped it so far proves nothing of its places.
        """
        try:
            async with self._air.wanted():
                return await self._listen(until)
        except NotReached as error:
            if _now() < until - _MOMENT_S:
                raise
            raise NotReached("no_connection", forgotten.detail) from error

    async def _listen(self, until: float) -> Way:
        air, ear, begun = self._air, self._ear, _now()
        listened = air.listened_s()
        await air.listen(until, no_older_than_s=REFRESH_S if air.running else None)
        enough = max(listened + LISTEN_S, COLD_S) if air.running else math.inf
        full_until = math.inf
        while True:
            ear.news.clear()
            sighting = ear.heard_since(begun)
            if sighting is not None and sighting.connectable is not False:
                return air.way(ear)
            if sighting is not None and math.isinf(full_until):
                full_until = _now() + FULL_PATIENCE_S
            left = min(until - _now(), full_until - _now(), enough - air.listened_s())
            if left < _MOMENT_S:
                break
            if air.scanning:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await ear.news.wait()
            else:
                await air.listen(until)
        if not math.isinf(full_until):
            raise NotReached("places_full", "the car advertises as not connectable")
        if (trouble := air.absence(ear)) is not None:
            raise trouble
        raise NotReached("not_in_range", "no advertisement of the car")

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
            if link.radio_hangs and self._way is not None:
                self._way.failed(_now())  # what it heard a moment ago counts no more, if there is another one


def _now() -> float:
    return asyncio.get_running_loop().time()
