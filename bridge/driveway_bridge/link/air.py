"""One radio for all cars: listens all the time, knows what was heard when, and lets one connect at a time.

The daemon calls `run`, which scans for ever and heals the radio. Without it, as in a command that ends by itself, the
air scans on demand: as long as somebody looks for a car. While a connection is made the scan rests, since many chips
cannot do both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from driveway_bridge.errors import NotReached
from driveway_bridge.link import radio as radios
from driveway_bridge.link.ear import Ear
from driveway_bridge.link.healing import LOOK_AFTER_S, Healing, RadioGivenUp, Step
from driveway_bridge.link.listening import Listening, Rate
from driveway_bridge.link.radio import Radio, RadioSource
from driveway_bridge.link.scanner import Scan
from driveway_bridge.link.way import Way

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

_LOGGER = logging.getLogger(__name__)

START_S: Final = 10.0
"""For opening the radio, and as long for beginning a scan: more than that is a bus that stays silent."""
CLOSE_S: Final = 0.5
"""For somebody who is connecting when the bridge is stopped."""
TICK_S: Final = 5.0
RETRIES_S: Final = (0.5, 1.0, 2.0, 5.0)
"""Between attempts to have a scan; the last for all further ones."""
_STEPS: Final = {
    Step.SCAN: "beginning to listen anew",
    Step.POWER: "switching the adapter off and on",
    Step.LIBRARY: "letting the recovery library reset the adapter",
    Step.NONE: "doing nothing, as the configuration says",
}
_TROUBLES: Final = {
    "deaf": "The Bluetooth radio hears nobody at all any more",
    "no_scan": "The Bluetooth radio cannot be made to listen",
    "no_link": "Connections fail again and again, although the car is heard well",
}


class Held(Protocol):
    """A link, to ask whether it is still open."""

    @property
    def open(self) -> bool:
        """Whether it is."""
        ...


class Listener(Protocol):
    """Whoever takes what is heard; an `Ear`, or one radio's share in it."""

    @property
    def news(self) -> asyncio.Event:
        """To be set when the radio has changed in a way that somebody who waits for a car must know."""
        ...

    def hear(self, device: BLEDevice, data: AdvertisementData, now: float) -> bool:
        """Take an advertisement; whether it is the car's."""
        ...


class Air:
    """The radio, and what it hears. `hci` is a bumble transport for a virtual radio; `adapter` a name or an address."""

    def __init__(
        self,
        *,
        hci: str | None = None,
        adapter: str | None = None,
        heal: bool = True,
        source: RadioSource | None = None,
        listened: Listening | None = None,
        may_end: Callable[[Air], bool] = lambda _air: True,
    ) -> None:
        self._source = radios.source(hci=hci, adapter=adapter) if source is None else source
        self._heal = heal
        self._may_end = may_end
        self._ears: list[Listener] = []
        self._links: list[Held] = []
        self._turn = asyncio.Lock()
        self._scan: Scan | None = None
        self._radio: Radio | None = None
        self._wanted = 0
        self._wake = asyncio.Event()
        self._listened = Listening() if listened is None else listened
        self._rate = Rate()
        self._healing: Healing | None = None
        self._healing_now = False
        self._beginning = False
        self._doubted = False
        self._looked_at = 0.0
        self._refused: NotReached | None = None
        self.running = False
        """Whether `run` sees to it that there is always a scan."""
        self.returns = 0
        """How often the radio has listened again after it could not."""

    # For those who look for a car -------------------------------------------------------------------------------------

    def join(self, ear: Listener) -> None:
        """Let an ear hear everything from now on."""
        if ear not in self._ears:
            self._ears.append(ear)

    async def leave(self, ear: Listener) -> None:
        """Let it hear nothing any more; an air that nobody runs is closed with its last ear."""
        if ear in self._ears:
            self._ears.remove(ear)
        if not self.running and not self._ears:
            await self.close()

    @property
    def listening(self) -> bool:
        """Whether a car near by would be heard now; stays so while a connection is being made."""
        return self.running and self._judge().listening(self._now())

    def listens_for(self, _ear: Ear) -> bool:
        """Whether a certain car near by would be heard now: there is only this radio."""
        return self.listening

    def absence(self, _ear: Ear) -> NotReached | None:
        """Why silence does not mean that a car is away; None when it does."""
        return NotReached("radio_deaf", "no advertisement of anybody for a long time") if self.deaf else None

    def way(self, ear: Ear) -> Way:
        """The way to a car that was just heard."""
        if ear.device is None:
            raise NotReached("not_in_range", "no advertisement of the car")
        return Way(air=self, device=ear.device)

    @property
    def deaf(self) -> bool:
        """Whether nobody at all has been heard for so long that the radio must be broken."""
        return self._judge().deaf(self._now())

    def listened_s(self) -> float:
        """So long a scan has run, in all."""
        return self._listened.total_s(self._now())

    @property
    def scanning(self) -> bool:
        """Whether a scan runs now."""
        return self._scan is not None and not self._scan.radio.gone

    @contextlib.asynccontextmanager
    async def wanted(self) -> AsyncIterator[None]:
        """Have a scan for as long as the block lasts, where `run` does not see to it."""
        self._wanted += 1
        try:
            yield
        finally:
            self._wanted -= 1
            if not self.running and not self._wanted:
                async with self._turn:
                    await self._end_scan()

    async def listen(self, until: float, *, no_older_than_s: float | None = None) -> None:
        """See to it that a scan runs, by `until` on the loop's clock; NotReached with the cause.

        A scan that is older than given is begun anew: BlueZ passes a device on only now and then during a long one.
        """
        if self._healing_now and self.running:
            raise NotReached(self._judge().reason, "the radio is being healed")
        async with self._my_turn(until):
            scan = self._scan
            if scan is not None and no_older_than_s is not None and self._now() - scan.begun_at > no_older_than_s:
                await self._end_scan()
            await self._begin_scan(until)

    @contextlib.asynccontextmanager
    async def connecting(self, until: float) -> AsyncIterator[Radio]:
        """Have the radio for oneself, without a scan, to connect. NotReached with the cause."""
        async with self._my_turn(until):
            try:
                try:
                    radio = await self._open(until)  # anew: nobody tells what has become of it
                except NotReached:
                    self._doubted = True
                    raise
                await self._end_scan()
                yield radio
            finally:
                self._wake.set()

    @property
    def links(self) -> int:
        """How many links are open through this radio."""
        return sum(link.open for link in self._links)

    def linked(self, link: Held) -> None:
        """Note a link that was opened."""
        self._links = [*(held for held in self._links if held.open), link]
        self._judge().linked()

    def not_linked(self, rssi_dbm: int | None) -> None:
        """Note that a connection failed, to a car that was heard as strongly."""
        self._judge().not_linked(rssi_dbm)

    # For the bridge ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Listen for ever, and heal the radio. RadioGivenUp when only a restart of the bridge can help."""
        self.running = True
        refusals = 0
        try:
            while True:
                self._wake.clear()
                async with self._turn:
                    refusals = 0 if await self._tend() else refusals + 1
                    await self._heal_if_due()
                pause = RETRIES_S[min(refusals, len(RETRIES_S)) - 1] if refusals else TICK_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
        finally:
            self.running = False
            await self.close()

    def report(self) -> dict[str, Any]:
        """Tell how the radio is: state, what is heard, and what was done about it."""
        now, judge = self._now(), self._judge()
        last = self._rate.last_at
        radio, state = self._radio, judge.state(now)
        wrong = "radio_unavailable" if state in ("deaf", "healing") else None  # connections fail: that is not deafness
        return {
            "kind": self._source.kind,
            "adapter": None if radio is None else radio.name,
            "address": None if radio is None else radio.address,
            "state": state,
            "reason": self._refused.reason if self._refused else "radio_deaf" if judge.deaf(now) else wrong,
            "detail": self._refused.detail if self._refused else "",
            "heard_at_s_ago": None if last is None else round(now - last, 1),
            "heard_per_minute": self._rate.per_minute(now),
            "scanning": self.scanning,
            "steps": judge.report(now),
            "healed": judge.healed,
        }

    async def close(self) -> None:
        """Give the radio back. It is opened again when it is needed."""
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(NotReached):  # then somebody connects, and loses the radio by that
                await stack.enter_async_context(self._my_turn(self._now() + CLOSE_S))
            await self._end_scan()
            self._radio = None
            await self._source.close()

    # Inside: everything below is done by whoever has the turn ---------------------------------------------------------

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _judge(self) -> Healing:
        if self._healing is None:
            self._healing = Healing(self._now(), heal=self._heal)
        return self._healing

    @contextlib.asynccontextmanager
    async def _my_turn(self, until: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(until):
                await self._turn.acquire()
        except TimeoutError as error:
            if self._beginning:
                reason = "radio_unavailable" if self._refused is None else self._refused.reason
                raise NotReached(reason, "the radio could not be made to listen in time") from error
            raise NotReached("no_connection", "the radio was busy with something else all the time") from error
        try:
            yield
        finally:
            self._turn.release()

    async def _open(self, until: float) -> Radio:
        radio = await self._source.open(max(until - self._now(), 0.0))
        if radio is not self._radio and radio.lost is not None:
            radio.lost.add_done_callback(self._on_lost)
        self._radio = radio
        return radio

    async def _begin_scan(self, until: float) -> None:
        if self._scan is not None and self._scan.radio.gone:
            await self._end_scan()
        if self._scan is not None:
            return
        opened = False
        self._beginning = True
        try:
            radio = await self._open(until)
            opened = True
            self._scan = await Scan.begin(radio, self._hear, until - self._now())
        except NotReached as error:
            never = error.reason in ("no_adapter", "no_bluetooth_service", "bluetooth_forbidden", "proxy_taken")
            missing = never or not (opened or error.reason == "adapter_off")
            self._refuse(error, missing=missing)
            raise
        finally:
            self._beginning = False
        now = self._now()
        if self._refused is not None:
            self.returns += 1
            if self.running:
                _LOGGER.info("The Bluetooth radio listens again")
        self._refused = None
        self._looked_at = now
        self._listened.start(now)
        self._judge().started(now)
        self._on_change()

    def _refuse(self, error: NotReached, *, missing: bool) -> None:
        if self.running and (self._refused is None or self._refused.reason != error.reason):
            _LOGGER.warning("%s (%s)", error, error.detail)
        self._refused = error
        self._judge().refused(self._now(), error.reason, missing=missing)
        self._on_change()

    async def _end_scan(self) -> None:
        scan, self._scan = self._scan, None
        if scan is not None:
            now = self._now()
            self._listened.stop(now)
            self._judge().stopped(now)
            await scan.end()

    def _on_lost(self, _lost: asyncio.Future[None]) -> None:
        self._wake.set()
        self._on_change()

    def _on_change(self) -> None:
        for ear in self._ears:
            ear.news.set()

    def _hear(self, device: BLEDevice, data: AdvertisementData) -> None:
        now = self._now()
        ours = [ear.hear(device, data, now) for ear in tuple(self._ears)]
        self._rate.count(now)
        self._judge().heard(now, ours=any(ours))

    async def _tend(self) -> bool:
        """See to it that a scan runs; whether it does."""
        now = self._now()
        silent = self._judge().silence_s(now) >= LOOK_AFTER_S <= now - self._looked_at
        doubted, self._doubted = self._doubted, False
        if self._scan is not None and (silent or doubted):
            self._looked_at = now
            if not await self._source.scans(self._scan.radio):
                _LOGGER.debug("The scan has ended without a word; it is begun anew")
                await self._end_scan()
        try:
            await self._begin_scan(self._now() + START_S)
        except NotReached:
            return False
        return True

    async def _heal_if_due(self) -> None:
        judge = self._judge()
        self._links = [link for link in self._links if link.open]
        step = judge.next(self._now(), linked=bool(self._links), may_end=self._may_end(self))
        if step is None:
            return
        trouble = judge.trouble
        if step is Step.RESTART:
            _LOGGER.error("%s, and nothing has helped; the bridge ends, to be started anew", _TROUBLES[trouble])
            raise RadioGivenUp(judge.reason, "nothing has helped")
        _LOGGER.warning("%s; %s", _TROUBLES[trouble], _STEPS[step])
        self._healing_now = True
        try:
            await self._take(step)
        except NotReached as error:
            _LOGGER.warning("That could not be done: %s", error.detail or error)
            judge.done(step, self._now(), possible=False, detail=error.detail)
        else:
            judge.done(step, self._now(), possible=True)
        finally:
            self._healing_now = False
            self._wake.set()

    async def _take(self, step: Step) -> None:
        """Apply a remedy and begin to listen again. NotReached when that cannot be done."""
        if step is Step.NONE:
            return
        radio = self._radio
        await self._end_scan()
        if step is Step.POWER:
            await self._source.power_cycle(radio)
        elif step is Step.LIBRARY:
            await radios.recover(radio)
        await self._begin_scan(self._now() + START_S)
