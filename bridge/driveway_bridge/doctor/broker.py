"""The MQTT broker: it lets us in, it lets the bridge publish, and it delivers what is for the bridge."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from driveway_bridge.contract import Outcome, Result
from driveway_bridge.doctor.case import Case
from driveway_bridge.doctor.finding import Finding, broken, ok, warning
from driveway_bridge.doctor.post import Post
from driveway_bridge.mqtt.client import NoConnection
from driveway_bridge.mqtt.ear import EAR

ECHO_S: Final = 2.0
"""A broker on the local network needs some milliseconds."""
TAKEN_S: Final = 0.3
"""The acknowledgement of what nobody has to hear comes as fast; a refusal is not missed within it."""
RENEW_S: Final = 30 * 86_400.0
"""So long before its end a certificate should be renewed."""
_PROBE_ID: Final = "driveway-doctor"


async def examine_broker(case: Case, _tell: Callable[[str], None]) -> Finding:
    """Its name, its port, its password."""
    settings, topics = case.chosen.mqtt, case.topics
    try:
        case.post = await Post.open(
            settings,
            (
                topics.status,
                topics.info,
                topics.health,
                topics.clock,
                topics.link(),
                topics.command(),
            ),
        )
    except NoConnection as error:
        if error.deaf:
            case.deaf = str(error)
            return ok(f"{settings.host}:{settings.port} lets the bridge in")
        return broken(str(error), _remedy(str(error)), reason="broker_away")
    case.push_close(case.post.close)
    found = f"{settings.host}:{settings.port}, MQTT {case.post.version}"
    encryption = case.post.encryption
    if encryption is None:
        return ok(found)
    ends = time.strftime("%Y-%m-%d", time.gmtime(encryption.ends_at))
    found += f", encrypted ({encryption.version}); the broker's certificate ends on {ends}"
    if encryption.ends_at - time.time() < RENEW_S:
        return warning(found, "Renew it before that day (docs/broker.md); no restart of the bridge is needed.")
    return ok(found)


async def examine_topics(case: Case, tell: Callable[[str], None]) -> Finding:
    """The bridge's own topics: what it publishes is taken, and what is published to it arrives.

    The probes are harmless: the one with which the bridge itself listens to itself, and the result of a command that
    nobody gave. What is stored at the broker is not touched.
    """
    rules = f"allow this user to read and to write `{case.topics.base}/#` in the broker's access rules (acl_file)"
    remedy = f"{rules[:1].upper()}{rules[1:]}."
    if case.post is None:
        return broken(case.deaf or "the broker does not let the bridge listen", remedy)
    topics = case.topics
    result = Result(id=_PROBE_ID, outcome=Outcome.CONFIRMED).payload()
    for topic, payload, to_us in (
        (topics.command(EAR), _PROBE_ID, True),
        (topics.result(_PROBE_ID), result, False),
    ):
        tell(f"publishing to {topic}")
        if fault := await _probe(case.post, topic, payload, to_us=to_us):
            return broken(fault, remedy)
    return ok("published, and heard what it published")


async def _probe(post: Post, topic: str, payload: str, *, to_us: bool) -> str | None:
    """Publish; tells what is wrong with that."""
    problems, heard = len(post.problems), len(post.heard)
    if not post.say(topic, payload):
        return "the broker has hung up"
    arrived = await post.hear(
        lambda message: message.topic == topic, ECHO_S if to_us else TAKEN_S, since=heard, unless_problem=problems
    )
    if len(post.problems) > problems:
        return f"the broker does not let the bridge publish to {topic}"
    if to_us and arrived is None:
        return f"what is published to {topic} does not arrive: the bridge may not write there, or not read"
    return None


def _remedy(text: str) -> str:
    if "refuses the user" in text:
        return (
            "Check `username` and the password under `mqtt` in the configuration; in Home Assistant the broker's users "
            "are the persons' logins, or those in the options of the Mosquitto app."
        )
    if "certificate" in text or "TLS" in text or "encryption" in text:
        return (
            "Check `tls`, `host`, `port` and the files named under `mqtt`, and this computer's clock (`timedatectl`). "
            "How certificates are made and renewed is in docs/broker.md."
        )
    if "does not answer" in text or "did not answer" in text:
        return "Check `host` and `port` under `mqtt`, the cable or Wi-Fi of both computers, and any firewall between."
    return (
        "Is the broker running (`systemctl status mosquitto`), and are `host` and `port` under `mqtt` right? A broker "
        "without `listener` in its own configuration can be reached from its own computer only."
    )
