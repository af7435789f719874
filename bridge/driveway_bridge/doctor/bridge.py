"""The bridge's own daemon, as the broker and itself tell of it, and Home Assistant, as the daemon tells of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from driveway_bridge import __version__
from driveway_bridge.contract import CLOCK_EVERY_S, CONTRACT, OFFLINE, ONLINE, Info
from driveway_bridge.contract_json import ContractError, parse_object
from driveway_bridge.contract_topics import Topics
from driveway_bridge.doctor.case import Case
from driveway_bridge.doctor.finding import Finding, broken, ok, skipped, warning
from driveway_bridge.problems import AUDIT, BROKER, CLIENTS, EAR, RADIO, Problem
from driveway_bridge.reasons import REASONS

CLOCK_S: Final = 2 * CLOCK_EVERY_S
"""The clock is told without being asked for. Who asks counts as Home Assistant, which is looked for here."""
HA_SILENT_S: Final = 24 * 3600.0
"""A Home Assistant that runs is heard far more often."""
_START: Final = "Start it: `systemctl start driveway`, or `driveway run --config FILE`."
_RESTART: Final = "Restart the bridge: `systemctl restart driveway`."


async def examine_bridge(case: Case, tell: Callable[[str], None]) -> Finding:
    """It is online at the broker, it answers, and it is the one that this configuration describes."""
    if case.post is None:
        return skipped("topics")
    topics = case.topics
    if case.bridge_id is None:
        return broken("the bridge has never been started with this data folder", _START, reason="bridge_away")
    tell("listening for the bridge's clock")
    # Whatever lies stored has arrived before, as the probe of the check before this one did.
    answered = await case.post.hear(lambda one: one.topic == topics.clock, CLOCK_S) is not None
    status = case.post.last.get(topics.status, b"").decode("utf-8", "replace")
    if not answered:
        return _silent(status, case.post.last, topics)
    case.running = True
    case.health = _health(case.post.last.get(topics.health))
    try:
        info = Info.parse(case.post.last.get(topics.info, b""))
    except ContractError:
        return broken("the bridge runs, and does not tell who it is", _RESTART)
    return _judge(case, info)


async def examine_home_assistant(case: Case, _tell: Callable[[str], None]) -> Finding:
    """It was seen by the bridge."""
    if case.health is None:
        return warning("the running bridge does not tell of it yet", "Ask again in a minute.")
    mqtt = case.health.get("mqtt")
    ago = mqtt.get("home_assistant_s_ago") if isinstance(mqtt, dict) else None
    if not isinstance(ago, int | float):
        return broken(
            "never seen since the bridge was started",
            "In Home Assistant set up the MQTT integration with this same broker, then add the integration Driveway: "
            "it is found by itself, and asks for the code that `driveway code` shows. Without Home Assistant: "
            "--without-home-assistant.",
        )
    if ago > HA_SILENT_S:
        return warning(
            f"last seen {age(ago)} ago", "Is it running, and does its MQTT integration use this same broker?"
        )
    return ok(f"seen {age(ago)} ago")


def age(seconds: float) -> str:
    """A length of time in words, as `5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def _silent(status: str, last: Mapping[str, bytes], topics: Topics) -> Finding:
    if status == ONLINE:
        return broken(
            "the broker has it as online, but it does not answer: it hangs, or hears nothing",
            f"{_RESTART} If it comes back, please report it with the bridge's log (`journalctl -u driveway`).",
            reason="bridge_silent",
        )
    if status == OFFLINE:
        return broken("it is not running", f"{_START} Its log tells why it ended: `journalctl -u driveway`.")
    if last.get(topics.info):
        return broken("it is not running", _START, reason="bridge_away")
    return broken("it was never seen at this broker", _START, reason="bridge_away")


def _judge(case: Case, info: Info) -> Finding:
    if info.contract != CONTRACT:
        return broken(
            f"it speaks another version ({info.contract}) than this program ({CONTRACT})",
            f"Update both to the same release, then restart the bridge. It is {info.version}, this is {__version__}.",
        )
    if info.version != __version__:
        return warning(f"it runs as version {info.version}, and {__version__} is installed", _RESTART)
    configured = {car.id for car in case.cars}
    if not configured <= {car.id for car in info.cars}:
        return warning("it was started before the configuration was changed: a car is missing", _RESTART)
    if trouble := _own_trouble(case.health or {}):
        return warning(*trouble)
    return ok(f"online, version {info.version}, called {info.name}")


def _own_trouble(health: Mapping[str, Any]) -> tuple[str, str] | None:
    """What it tells against itself, apart from cars: these were looked at."""
    for problem in problems(health):
        if problem.part in (RADIO, BROKER, EAR, CLIENTS, AUDIT):
            entry = REASONS[problem.reason]
            return f"it runs, and says: {entry.meaning}", entry.remedy
    return None


def problems(health: Mapping[str, Any]) -> Iterator[Problem]:
    """What a health document tells against the bridge; codes that this program does not know are left out."""
    listed = health.get("problems")
    for told in listed if isinstance(listed, list) else ():
        if isinstance(told, dict) and told.get("reason") in REASONS:
            yield Problem(str(told.get("part")), told["reason"])


def _health(payload: bytes | None) -> Mapping[str, Any] | None:
    try:
        return parse_object(payload) if payload else None
    except ContractError:
        return None
