"""Commands on their way to the car: signed, sent once, and waited for until the bridge says how they ended.

Nothing here is kept for later. A command that cannot be sent now fails now; one that gets lost dies of its time to
live. Delivery is at most once (QoS 0, not retained), and success is only what the bridge reports under the same id.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .contract import LOCK_TTL_S, Command, Outcome, Result
from .contract_topics import Topics
from .household import Bridge, Clock

_LOGGER = logging.getLogger(__name__)

CLOCK_LASTS_S: Final = 10.0
"""A clock that was heard longer ago is asked for anew: the bridge may have restarted unheard."""
CLOCK_WITHIN_S: Final = 1.0
ACCEPTED_WITHIN_S: Final = 2.0
ENDED_WITHIN_S: Final = 20.0
"""After it was accepted; more than the car is ever given."""
_REASON_OF: Final[Mapping[Outcome, str]] = {Outcome.UNCONFIRMED: "no_answer", Outcome.EXPIRED: "expired"}
"""For a result without a reason."""


class CommandFailed(Exception):
    """A command that was not confirmed; `reason` is a code of `reasons.REASONS`, or one of a newer bridge."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(slots=True, eq=False)
class _Ear[Heard]:
    """Somebody who waits for word from one bridge."""

    bridge: str
    _heard: asyncio.Queue[Heard | CommandFailed] = field(default_factory=asyncio.Queue)

    def tell(self, word: Heard | CommandFailed) -> None:
        self._heard.put_nowait(word)

    async def next(self) -> Heard:
        word = await self._heard.get()
        if isinstance(word, CommandFailed):
            raise word
        return word


class Commands:
    """Sends the commands of one household and hands the results to those who wait for them."""

    def __init__(self, hass: HomeAssistant, base: str) -> None:
        self._hass = hass
        self._base = base
        self._results: dict[str, _Ear[Result]] = {}
        self._clocks: set[_Ear[Clock]] = set()

    async def send(
        self,
        bridge: Bridge | None,
        car: str,
        command: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        ttl_s: float = LOCK_TTL_S,
    ) -> Result:
        """Send a command and give the bridge's final word on it when that is `confirmed`; CommandFailed otherwise.

        Without a bridge that serves the car, or one that is there, it fails at once.
        """
        if not mqtt.is_connected(self._hass):
            raise CommandFailed("broker_away")
        if bridge is None or not bridge.online:
            raise CommandFailed("bridge_away")
        clock = await self._clock(bridge)
        document = Command(
            id=secrets.token_hex(8),
            client=bridge.signer.client,
            car=car,
            command=command,
            boot=clock.boot,
            issued=clock.shows(time.monotonic()),
            ttl=ttl_s,
            arguments=arguments or {},
        )
        result = await self._carry(bridge, document)
        if result.outcome is Outcome.CONFIRMED:
            return result
        raise CommandFailed(result.reason or _REASON_OF.get(result.outcome, result.outcome), result.detail)

    async def _carry(self, bridge: Bridge, command: Command) -> Result:
        """Publish a command and wait for its end."""
        ear = self._results[command.id] = _Ear[Result](bridge.id)
        accepted = False
        try:
            # One limit around publishing and waiting: with a broker that is there but frozen, both hang.
            async with asyncio.timeout(ACCEPTED_WITHIN_S) as limit:
                await self._publish(
                    Topics(self._base, bridge.id).command(command.car), command.signed(bridge.signer), command.ttl
                )
                while not (result := await ear.next()).outcome.final:
                    if not accepted:
                        accepted = True
                        limit.reschedule(self._hass.loop.time() + ENDED_WITHIN_S)
                return result
        except TimeoutError as error:
            raise CommandFailed("no_answer" if accepted else "bridge_silent") from error
        finally:
            del self._results[command.id]

    async def _clock(self, bridge: Bridge) -> Clock:
        """Give a clock of the bridge that is fresh enough, asking for it when need be."""
        if bridge.clock is not None and bridge.clock.age(time.monotonic()) <= CLOCK_LASTS_S:
            return bridge.clock
        ear = _Ear[Clock](bridge.id)
        self._clocks.add(ear)
        try:
            async with asyncio.timeout(CLOCK_WITHIN_S):
                await self._publish(Topics(self._base, bridge.id).clock_request, "now", CLOCK_WITHIN_S)
                return await ear.next()
        except TimeoutError as error:
            raise CommandFailed("bridge_silent", "no clock") from error
        finally:
            self._clocks.discard(ear)

    async def _publish(self, topic: str, payload: str, lasts_s: float) -> None:
        """Publish once; CommandFailed when there is no broker."""
        try:
            try:
                await mqtt.async_publish(
                    self._hass, topic, payload, qos=0, retain=False, message_expiry_interval=max(1, round(lasts_s))
                )
            except ServiceValidationError:
                # MQTT 3 knows no expiry. It is the third line of defence; the bridge's own judgement is the first.
                await mqtt.async_publish(self._hass, topic, payload, qos=0, retain=False)
        except HomeAssistantError as error:
            raise CommandFailed("broker_away", str(error)) from error

    @callback
    def hear_result(self, bridge: str, result: Result) -> None:
        """Take a result that was published just now."""
        ear = self._results.get(result.id) if result.id else None
        if ear is None or ear.bridge != bridge:
            _LOGGER.debug("A result that nobody here waits for: %s", result)
            return
        ear.tell(result)

    @callback
    def hear_clock(self, bridge: str, clock: Clock) -> None:
        """Take a clock that was told just now."""
        for ear in self._clocks:
            if ear.bridge == bridge:
                ear.tell(clock)

    @callback
    def give_up(self, reason: str, bridge: str | None = None) -> None:
        """End all waiting, or that for one bridge, with a reason."""
        ears: list[_Ear[Result] | _Ear[Clock]] = [*self._results.values(), *self._clocks]
        for ear in ears:
            if bridge in (None, ear.bridge):
                ear.tell(CommandFailed(reason))
