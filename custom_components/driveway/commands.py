"""Commands on their way to the car: signed, sent once, and waited for until the bridge says how they ended.

Nothing here is kept for later. A command that cannot be sent now fails now; one that gets lost dies of its time to
live. Delivery is at most once (QoS 0, not retained), and success is only what a bridge reports under the same id.
Where several bridges have the car, a command moves on from one that cannot do it to the next.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .broker import Broker
from .contract import LOCK_TTL_S, Command, Outcome, Result
from .contract_topics import Topics
from .delivery import ACCEPTED_WITHIN_S, Attempt, CommandFailed, Delivery
from .handover import ELSEWHERE, LOCKS, ONCE, sent, subject
from .household import Bridge, Clock

_LOGGER = logging.getLogger(__name__)

CLOCK_LASTS_S: Final = 10.0
"""A clock that was heard longer ago is asked for anew: the bridge may have restarted unheard."""
CLOCK_WITHIN_S: Final = 1.0
ENDED_WITHIN_S: Final = 20.0
"""After it was accepted; more than the car's locks are ever given."""
WAKING_S: Final = 45.0
"""More for what may have to wait in the car's queue, and for the car to wake up."""
ENDS_KEPT: Final = 64
_REASON_OF: Final[Mapping[Outcome, str]] = {Outcome.UNCONFIRMED: "no_answer", Outcome.EXPIRED: "expired"}
"""For a result without a reason."""


type Heard = Callable[[Result], None]
"""Takes each station of a command on its way, and its end."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be done, the same through every bridge."""

    car: str
    command: str
    arguments: Mapping[str, Any]
    ended_within_s: float
    heard: Heard | None


@dataclass(slots=True, eq=False)
class _Ear[Word]:
    """Somebody who waits for word from one bridge."""

    bridge: str
    _heard: asyncio.Queue[Word | CommandFailed] = field(default_factory=asyncio.Queue)

    def tell(self, word: Word | CommandFailed) -> None:
        self._heard.put_nowait(word)

    async def next(self, until: float) -> Word:
        """Wait for a word until then on the loop's clock; TimeoutError when there is none.

        One that is there counts, however late it is looked at: Home Assistant may have stalled meanwhile.
        """
        try:
            async with asyncio.timeout_at(until):
                word = await self._heard.get()
        except TimeoutError:
            if self._heard.empty():
                raise
            word = self._heard.get_nowait()
        if isinstance(word, CommandFailed):
            raise word
        return word


class Commands:
    """Sends the commands of one household and hands the results to those who wait for them."""

    def __init__(self, hass: HomeAssistant, base: str, broker: Broker) -> None:
        self._hass = hass
        self._base = base
        self._broker = broker
        self._results: dict[str, _Ear[Result]] = {}
        self._clocks: set[_Ear[Clock]] = set()
        self._loose: dict[tuple[str, str], dict[str, float]] = {}
        """By car and subject the bridges that may still begin with a command that was given up, and until when."""
        self._under_way: dict[tuple[str, str], list[Delivery]] = {}
        """By car and subject what has not ended."""
        self._last: dict[tuple[str, str], str] = {}
        """By car and subject the command that was given last."""
        self._ended: dict[str, Outcome] = {}
        """How the last commands ended, to notice a second end."""

    async def send(
        self,
        ways: Sequence[Bridge],
        car: str,
        command: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        ttl_s: float = LOCK_TTL_S,
        ended_within_s: float | None = None,
        heard: Heard | None = None,
    ) -> Result:
        """Have a command carried out and give the final word on it when that is `confirmed`; CommandFailed otherwise.

        It goes to the first of the bridges, and as `handover` has it to the next ones; after `ttl_s` nothing can begin
        any more, through none of them. Without a bridge that is there it fails at once. `heard` is told its stations.
        `ended_within_s` after a bridge has accepted it, it is given up if that is not what a command usually takes.
        """
        about = (car, subject(command))
        self._last[about] = command
        if not self._broker.there:
            raise CommandFailed("broker_away", sent=False)
        there = [bridge for bridge in ways if bridge.there]
        if not there:
            raise CommandFailed("bridge_away", sent=False)

        usual_s = ENDED_WITHIN_S if command in LOCKS else ttl_s + WAKING_S
        order = _Order(car, command, arguments or {}, ended_within_s or usual_s, heard)

        def attempt(attempt: Attempt) -> Coroutine[Any, Any, Result]:
            return self._try(attempt, order)

        now = self._hass.loop.time
        delivery = Delivery(
            self._hass.loop, command, there, now() + ttl_s, attempt, lambda: self.superseded(car, command)
        )
        # Where an older one is still loose the newer one goes too: there it takes its place, or follows it. Else an
        # unlock that was given up could come after the lock that another bridge has just confirmed.
        loose = {} if command in ONCE else self._may_begin(about)
        under_way = self._under_way.setdefault(about, [])
        under_way.append(delivery)
        try:
            return await delivery.run(loose)
        finally:
            under_way.remove(delivery)
            if left := self._still(self._loose.pop(about, {}), delivery.loose_ends()):
                self._loose[about] = left

    def loose_s(self, car: str, command: str) -> float:
        """Give how long a bridge may still begin with an older command about the same, in seconds."""
        now = self._hass.loop.time()
        return max((until - now for until in self._may_begin((car, subject(command))).values()), default=0.0)

    def _may_begin(self, about: tuple[str, str]) -> dict[str, float]:
        """Give the bridges that may still begin with a command, and until when."""
        attempts = [attempt for delivery in self._under_way.get(about, ()) for attempt in delivery.loose_ends()]
        return self._still(self._loose.get(about, {}), attempts)

    def _still(self, ends: Mapping[str, float], attempts: Iterable[Attempt]) -> dict[str, float]:
        """Add attempts to ends by bridge, and leave out what is over."""
        latest = dict(ends)
        for attempt in attempts:
            latest[attempt.bridge.id] = max(attempt.until, latest.get(attempt.bridge.id, 0.0))
        return {bridge: until for bridge, until in latest.items() if self._hass.loop.time() < until}

    def superseded(self, car: str, command: str) -> bool:
        """Whether another command about the same was given after this one."""
        return self._last.get((car, subject(command)), command) != command

    async def _try(self, attempt: Attempt, order: _Order) -> Result:
        """Send a command through one bridge, with what is left of its time, and note how that went."""
        bridge, record, begun = attempt.bridge, attempt.bridge.record(order.car), time.monotonic()
        try:
            # What follows an older command has to be there before that begins: no time to ask a bridge that hangs.
            clock = bridge.clock if attempt.follows and bridge.clock else await self._clock(bridge)
            document = Command(
                id=secrets.token_hex(8),
                client=bridge.signer.client,
                car=order.car,
                command=order.command,
                boot=clock.boot,
                issued=clock.shows(time.monotonic()),
                ttl=self._left_s(attempt),
                arguments=order.arguments,
            )
            result = await self._carry(attempt, document, order)
        except CommandFailed as failure:
            if failure.reason in ELSEWHERE:
                record.note(time.monotonic(), None)
            raise
        record.note(time.monotonic(), time.monotonic() - begun)
        return result

    def _left_s(self, attempt: Attempt) -> float:
        """What is left of a command's time; CommandFailed when that is nothing."""
        left_s = round(attempt.until - self._hass.loop.time(), 2)
        if left_s <= 0:
            raise CommandFailed("expired", sent=False)
        return left_s

    async def _carry(self, attempt: Attempt, command: Command, order: _Order) -> Result:
        """Publish a command and wait for its end; CommandFailed when that is not `confirmed`."""
        bridge = attempt.bridge
        ear = self._results[command.id] = _Ear[Result](bridge.id)
        accepted = False
        # One limit for publishing and waiting: with a broker that is there but frozen, both hang.
        until = self._hass.loop.time() + ACCEPTED_WITHIN_S
        try:
            attempt.published = True
            await self._publish(
                Topics(self._base, bridge.id).command(command.car), command.signed(bridge.signer), command.ttl, until
            )
            while not (result := await ear.next(until)).outcome.final:
                attempt.sent = attempt.sent or result.outcome is Outcome.SENT
                if not accepted:
                    accepted = True
                    until = self._hass.loop.time() + order.ended_within_s
                if order.heard:
                    order.heard(result)
        except TimeoutError as error:
            raise CommandFailed("no_answer" if accepted else "bridge_silent") from error
        finally:
            del self._results[command.id]
        if order.heard:
            order.heard(result)
        if result.outcome is Outcome.CONFIRMED:
            return result
        reason = result.reason or _REASON_OF.get(result.outcome, result.outcome)
        raise CommandFailed(reason, result.detail, sent=sent(result.outcome))

    async def _clock(self, bridge: Bridge) -> Clock:
        """Give a clock of the bridge that is fresh enough, asking for it when need be."""
        if bridge.clock is not None and bridge.clock.age(time.monotonic()) <= CLOCK_LASTS_S:
            return bridge.clock
        ear = _Ear[Clock](bridge.id)
        self._clocks.add(ear)
        until = self._hass.loop.time() + CLOCK_WITHIN_S
        try:
            await self._publish(Topics(self._base, bridge.id).clock_request, "now", CLOCK_WITHIN_S, until)
            return await ear.next(until)
        except TimeoutError as error:
            raise CommandFailed(bridge.distrust or "bridge_silent", "no clock", sent=False) from error
        finally:
            self._clocks.discard(ear)

    async def _publish(self, topic: str, payload: str, lasts_s: float, until: float) -> None:
        """Publish once, and see it off until then at most: whether it went is told by who answers.

        CommandFailed when there is no broker.
        """
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._put(topic, payload, max(1, round(lasts_s)))
        except HomeAssistantError as error:
            raise CommandFailed("broker_away", str(error), sent=False) from error

    async def _put(self, topic: str, payload: str, expiry_s: int) -> None:
        try:
            await mqtt.async_publish(self._hass, topic, payload, qos=0, retain=False, message_expiry_interval=expiry_s)
        except ServiceValidationError:
            # MQTT 3 knows no expiry. It is the third line of defence; the bridge's own judgement is the first.
            await mqtt.async_publish(self._hass, topic, payload, qos=0, retain=False)

    @callback
    def hear_result(self, bridge: str, result: Result) -> None:
        """Take a result that was published just now."""
        ear = self._results.get(result.id) if result.id else None
        self._note_end(result)
        if ear is None or ear.bridge != bridge:
            _LOGGER.debug("A result that nobody here waits for: %s", result)
            return
        ear.tell(result)

    def _note_end(self, result: Result) -> None:
        """Say it when a command of ours ends a second time, in another way: then somebody else speaks as the bridge."""
        if result.id is None or not result.outcome.final:
            return
        if result.id in self._results:
            first = self._ended.setdefault(result.id, result.outcome)
            while len(self._ended) > ENDS_KEPT:
                del self._ended[next(iter(self._ended))]
        else:
            first = self._ended.get(result.id, result.outcome)
        if first is not result.outcome:
            _LOGGER.warning(
                "A command ended twice, as %s and as %s. A bridge ends each once: somebody else on the MQTT broker"
                " speaks in its name",
                first, result.outcome,
            )  # fmt: skip

    @callback
    def hear_clock(self, bridge: str, clock: Clock) -> None:
        """Take a clock that was told just now."""
        for ear in self._clocks:
            if ear.bridge == bridge:
                ear.tell(clock)

    @callback
    def give_up(self, reason: str, bridge: str | None = None) -> None:
        """End all waiting, or that for one bridge, with a reason."""
        for results in self._results.values():
            if bridge in (None, results.bridge):
                results.tell(CommandFailed(reason))
        for clocks in self._clocks:
            if bridge in (None, clocks.bridge):
                clocks.tell(CommandFailed(reason, sent=False))
