"""Plain words for automations: `<bridge>/<car>/<thing>/set`, unsigned, as far as the owner allows it.

Whoever the broker lets publish can write such a word, so what it may do is a list in the configuration, and what that
list holds beyond the default is said at each start. A word carries no time either: `Pulse` tells how old it may be,
and one that may be older than a signed command may be is refused. Nothing that somebody wrote is repeated anywhere.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any, Final

from driveway_bridge.boot import Boot
from driveway_bridge.clients import PLAIN
from driveway_bridge.contract import LOCK_TTL_S, Info, Outcome, Result
from driveway_bridge.contract_topics import Topics, valid_name
from driveway_bridge.mqtt import widened
from driveway_bridge.mqtt.admission import Allowance, Asker, Refusal
from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.order import Order
from driveway_bridge.mqtt.publisher import Send
from driveway_bridge.mqtt.pulse import Pulse
from driveway_bridge.mqtt.router import Router
from driveway_bridge.mqtt.things import MAX_BYTES, THINGS, Deed, Thing, offered
from driveway_bridge.permissions import allow

_LOGGER = logging.getLogger(__name__)

BEAT_S: Final = 1.0
"""Where something may be asked for that lives 5 s; its age is then known to two of these."""
SLOW_BEAT_S: Final = 10.0
WORDS_PER_S: Final = 10.0
REFUSALS_PER_S: Final = 5.0
UNDER_WAY: Final = 4
"""Words for one car that have not ended; so they never take all places in its queue from those who sign."""
BOUNCE_S: Final = 10.0
"""The same word for a thing that bounces is not taken again before this."""


class Plain:
    """Takes plain words, and gives each to the router or an answer of its own."""

    def __init__(self, topics: Topics, boot: Boot, router: Router, send: Send, allowed: tuple[str, ...]) -> None:
        self._topics = topics
        self._boot = boot
        self._router = router
        self._allowed = allowed
        self._above = topics.plain("\0", "\0").split("\0")[0]
        urgent = any(CATALOGUE[deed.command].max_ttl_s <= LOCK_TTL_S for _thing, _word, deed in offered(allowed))
        self.pulse = Pulse(topics, send, boot.now, every_s=BEAT_S if urgent else SLOW_BEAT_S)
        self._words = Allowance(WORDS_PER_S)
        self._refusals = Allowance(REFUSALS_PER_S)
        self._last: dict[tuple[str, str], tuple[Deed, float]] = {}
        """Of things that bounce: the last word that was passed on, and when."""
        self._orders: list[Order] = []
        """Those under way, and those that ended since the last word."""
        self._counts = {"taken": 0, "refused": 0}
        if (told := widened.warning(allowed)) is not None:
            _LOGGER.warning("%s", told)

    async def run(self) -> None:
        """Prove for ever how old a word may be."""
        await self.pulse.run()

    def announce(self) -> None:
        """Begin to prove at once."""
        self.pulse.beat()

    def follow(self, info: Info) -> None:
        """Nothing follows from it: the router knows the cars."""

    def takes(self, message: Message) -> bool:
        """Take a message if it is a plain word, or a beat of ours."""
        if self.pulse.takes(message):
            return True
        car, _, thing = message.topic.removeprefix(self._above).removesuffix("/set").partition("/")
        if self._topics.plain(car, thing) != message.topic or "/" in thing or not valid_name(car):
            return False
        if message.payload:  # an empty one is how a stored word is taken out of the broker
            self._hear(car, THINGS.get(thing), message)
        return True

    def report(self) -> dict[str, Any]:
        """What is allowed, what of that the owner has added, and how many words were passed on or refused."""
        return {"allowed": list(self._allowed), **widened.report(self._allowed), **self._counts}

    def _hear(self, car: str, thing: Thing | None, message: Message) -> None:
        now = self._boot.now()
        if message.retain or thing is None:
            self._refuse(car, thing, "retained" if message.retain else "unknown_command", "", now)
            return
        if len(message.payload) > MAX_BYTES:
            self._refuse(car, thing, "too_large", f"a plain word has {MAX_BYTES} bytes at most", now)
            return
        deed = thing.deed(message.payload)
        if deed is None:
            self._refuse(car, thing, "bad_arguments", thing.demand, now)
            return
        forbidden = self._forbids(car, thing, deed, now)
        if forbidden is not None:
            self._refuse(car, thing, *forbidden, now)
            return
        self._counts["taken"] += 1
        age_s = self.pulse.age_s(now)
        order = self._router.begin(
            car, deed.command, deed.arguments, asked_by=PLAIN, command_id=_new_id(thing), age_s=age_s
        )
        if isinstance(order, Order):
            self._orders.append(order)
            if thing.bounces:
                self._last[car, thing.name] = deed, now

    def _forbids(self, car: str, thing: Thing, deed: Deed, now: float) -> tuple[str, str] | None:
        """Why it is not passed on, with a detail; None if it is."""
        if not allow(self._allowed, deed.command):
            return "plain_may_not", ""
        if self.pulse.age_s(now) >= CATALOGUE[deed.command].max_ttl_s:
            return "expired", "nobody can tell how long the broker has kept it"
        before, at = self._last.get((car, thing.name), (None, 0.0))
        if before == deed and now - at < BOUNCE_S:
            return "too_often", f"the same word was given less than {BOUNCE_S:g} s before"
        self._orders = [order for order in self._orders if order.task is not None and not order.task.done()]
        if sum(order.car.id == car for order in self._orders) >= UNDER_WAY:
            return "too_many", ""
        if not self._words.take(now):
            return "too_often", f"more than {WORDS_PER_S:g} plain words came in a second"
        return None

    def _refuse(self, car: str, thing: Thing | None, reason: str, detail: str, now: float) -> None:
        self._counts["refused"] += 1
        outcome = Outcome.EXPIRED if reason == "expired" else Outcome.REFUSED
        command_id = None if thing is None else _new_id(thing)
        result = Result(id=command_id, outcome=outcome, reason=reason, detail=detail)
        self._router.refuse(car, Refusal(result, self._refusals.take(now), asker=Asker(PLAIN)))


def _new_id(thing: Thing) -> str:
    """For results: it begins with the thing, so that whoever wrote the word can tell which."""
    return f"{thing.name}-{secrets.token_hex(8)}"
