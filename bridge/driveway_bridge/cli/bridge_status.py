"""`driveway status` of the bridge: what it tells of itself at the broker, as an owner reads it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from driveway_bridge import code_store, config
from driveway_bridge.contract import CLOCK_EVERY_S, ONLINE, Info, LinkState
from driveway_bridge.contract_json import ContractError, parse_object
from driveway_bridge.contract_topics import Topics, valid_name
from driveway_bridge.doctor import strength
from driveway_bridge.doctor.bridge import age, problems
from driveway_bridge.doctor.post import Post
from driveway_bridge.mqtt.client import NoConnection
from driveway_bridge.problems import BROKER, EAR, RADIO
from driveway_bridge.reasons import REASONS

CLOCK_S: Final = 2 * CLOCK_EVERY_S
"""The bridge tells its clock without being asked for it; who asks counts as Home Assistant."""
SETTLE_S: Final = 0.5
"""Without a bridge: for what lies stored to arrive."""
_AWAY: Final = "The bridge is not running"
_LOCKS: Final = {
    "locked": "locked",
    "unlocked": "unlocked",
    "internal_locked": "locked from inside",
    "selective_unlocked": "some doors are unlocked",
}
_PARTS: Final = {RADIO: "Bluetooth", BROKER: "MQTT broker", EAR: "Commands"}


def show(file: Path, data: Path, *, as_json: bool) -> int:
    """Print how the bridge of this configuration is; 0 when it runs, 1 when it or the broker is away."""
    logging.getLogger().addHandler(logging.NullHandler())  # what matters is told
    settings = config.load(file)
    topics = Topics(settings.base_topic, _bridge_id(data) or "+")
    try:
        told = asyncio.run(_listen(settings.mqtt, topics))
    except NoConnection as error:
        sentence = f"{str(error)[:1].upper()}{str(error)[1:]}."
        if as_json:
            click.echo(json.dumps({"status": None, "reason": "broker_away", "message": sentence}))
        else:
            click.echo(f"{sentence} Whether the bridge runs is not known.", err=True)
            click.echo(f"`driveway doctor --config {file}` tells more.", err=True)
        return 1
    bridges = sorted({topic.rsplit("/", 2)[-2] for topic in told if topic.endswith("/status")})
    if not bridges:
        if as_json:
            click.echo(json.dumps({"status": None, "reason": "bridge_away", "message": f"{_AWAY}."}))
        else:
            click.echo(f"{_AWAY}: the broker has never heard of it. Start it with `driveway run`.", err=True)
        return 1
    views = [_View(Topics(settings.base_topic, bridge), told) for bridge in bridges]
    for view in views:
        if as_json:
            click.echo(json.dumps(view.document()))
        else:
            click.echo("\n".join(view.lines()))
    return 0 if any(view.online for view in views) else 1


async def _listen(settings: config.MqttSettings, topics: Topics) -> dict[str, bytes]:
    """What lies stored and, if a bridge runs, its clock. NoConnection."""
    every = Topics(topics.base)
    wanted = (topics.status, every.info, topics.health, topics.clock, topics.link(), topics.state(subject="body"))
    post = await Post.open(settings, wanted)
    try:
        await post.news(SETTLE_S)
        if await post.hear(lambda one: one.topic.endswith("/status") and one.payload == ONLINE.encode(), SETTLE_S):
            await post.hear(lambda one: one.topic.endswith("/clock"), CLOCK_S)
        return dict(post.last)
    finally:
        await post.close()


class _View:
    """One bridge, as it is told of."""

    def __init__(self, topics: Topics, told: Mapping[str, bytes]) -> None:
        self._topics = topics
        self._told = told
        self.status = told.get(topics.status, b"").decode("utf-8", "replace")
        self.online = self.status == ONLINE
        self._health = self._object(topics.health)
        clock = self._object(topics.clock)
        self._now = clock.get("now") if isinstance(clock.get("now"), int | float) else None
        try:
            self._info: Info | None = Info.parse(told.get(topics.info, b""))
        except ContractError:
            self._info = None

    def document(self) -> dict[str, Any]:
        """Everything, for programs."""
        cars = {
            car.id: {"link": self._object(self._topics.link(car.id))} for car in (self._info.cars if self._info else ())
        }
        return {
            "bridge": self._topics.bridge,
            "status": self.status,
            "answers": self._now is not None,
            "info": self._object(self._topics.info),
            "health": self._health,
            "cars": cars,
        }

    def lines(self) -> Iterator[str]:
        """One line for each link of the chain, then what is wrong."""
        rows = [("Bridge", self._bridge())]
        if self.online:
            rows += [("MQTT broker", self._broker()), ("Home Assistant", self._home_assistant())]
            rows += [("Bluetooth", self._radio())] if self._part("radio") else []
        rows += [(car.name, self._car(car.id)) for car in (self._info.cars if self._info else ())]
        width = max(len(title) for title, _ in rows) + 2
        yield from (f"{title:<{width}}{text}" for title, text in rows)
        if self.online:
            yield from self._problems()
        else:
            yield "Start it with `systemctl start driveway`, or `driveway run`; what is told of cars is old."

    def _bridge(self) -> str:
        name = f"{self._info.name}, version {self._info.version}" if self._info else self._topics.bridge
        if not self.online:
            return f"{name}: not running"
        uptime = self._health.get("uptime_s")
        how_long = f" for {age(self._now if self._now is not None else uptime)}" if uptime is not None else ""
        answers = "" if self._now is not None else "; it does not answer right now"
        return f"{name}: running{how_long}{answers}"

    def _broker(self) -> str:
        ear = self._part("mqtt").get("ear")
        heard = ear.get("ok") if isinstance(ear, dict) else None
        if heard is None:
            return "connected"
        return "connected, and commands reach the bridge" if heard else "connected, but no command reaches the bridge"

    def _home_assistant(self) -> str:
        ago = self._part("mqtt").get("home_assistant_s_ago")
        return f"seen {age(ago)} ago" if isinstance(ago, int | float) else "not seen since the bridge was started"

    def _radio(self) -> str:
        radio = self._part("radio")
        words = {
            "ok": "listening",
            "starting": "starting",
            "deaf": "hears nobody",
            "healing": "is being brought back",
            "missing": "missing",
        }
        name = radio.get("adapter") or ("virtual" if radio.get("kind") == "virtual" else "")
        per_minute = radio.get("heard_per_minute")
        heard = f", {per_minute} calls of all devices a minute" if per_minute else ""
        return ": ".join(part for part in (name, words.get(str(radio.get("state")), "unknown")) if part) + heard

    def _car(self, car: str) -> str:
        try:
            link = LinkState.parse(self._told.get(self._topics.link(car), b""))
        except ContractError:
            return "nothing is known of it yet"
        lock = self._object(self._topics.state(car, "body")).get("lock")
        parts = [self._locks(lock) if isinstance(lock, dict) else "locks unknown"]
        if link.asleep is not None:
            parts.append("asleep" if link.asleep else "awake")
        parts.append(self._reached(link))
        parts += self._looked_after(car)
        return ", ".join(parts)

    def _looked_after(self, car: str) -> list[str]:
        """Which bridge looks after the car, where there are several."""
        told = self._part("cars").get(car)
        lease = told.get("lease") if isinstance(told, dict) else None
        if not self.online or not isinstance(lease, dict) or lease.get("why") == "alone":
            return []
        holder = lease.get("holder")
        if lease.get("own") is True:
            return ["looked after by this bridge, of several"]
        if lease.get("why") == "cut_off":
            return ["other bridges may not hear this one, so it asks only now and then"]
        if not valid_name(holder):
            return ["looked after by no bridge at the moment"]
        try:
            name = Info.parse(self._told.get(Topics(self._topics.base, str(holder)).info, b"")).name
        except ContractError:
            name = str(holder)
        return [f"looked after by the bridge {name}"]

    def _locks(self, told: Mapping[str, Any]) -> str:
        words = _LOCKS.get(str(told.get("value")))
        return "locks unknown" if words is None else words + self._ago(told.get("at"), "as of ")

    def _reached(self, link: LinkState) -> str:
        if link.in_range is False:
            return f"not in reach{self._ago(link.heard_at, 'last heard ')}"
        reason = REASONS.get(link.why_not or "")
        if link.reachable is False and reason is not None:
            return f"not reached: {reason.meaning.rstrip('.')}"
        signal = ""
        if link.signal_dbm is not None:
            signal = f", {link.signal_dbm} dBm ({strength.word(link.signal_dbm)})"
        if link.linked:
            return f"connected{signal}"
        how = "reached" if link.reachable else "not asked yet"
        return f"{how}{self._ago(link.contact_at, 'last answer ')}{signal}"

    def _ago(self, at: object, before: str) -> str:
        if not isinstance(at, int | float) or self._now is None:
            return ""
        return f" ({before}{age(max(0.0, self._now - at))} ago)"

    def _problems(self) -> Iterator[str]:
        names = {car.id: car.name for car in (self._info.cars if self._info else ())}
        for problem in problems(self._health):
            entry = REASONS[problem.reason]
            part = _PARTS.get(problem.part) or names.get(problem.part, "Bridge")
            yield f"\n{part}: {entry.meaning}\n  {entry.remedy}".rstrip()

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self._health.get(name)
        return part if isinstance(part, dict) else {}

    def _object(self, topic: str) -> Mapping[str, Any]:
        try:
            return parse_object(self._told[topic])
        except (KeyError, ContractError):
            return {}


def _bridge_id(data: Path) -> str | None:
    """The id of the bridge of this folder, if it was ever started."""
    try:
        text = (data / code_store.BRIDGE_ID_FILE).read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    return text if valid_name(text) else None
