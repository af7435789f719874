"""What an owner lets plain words do beyond the default: said in the log, in `health` and by `driveway check-config`."""

from __future__ import annotations

from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.mqtt.things import Deed, Thing, offered
from driveway_bridge.permissions import allow
from driveway_bridge.settings import PLAIN_TOPICS


def beyond(allowed: tuple[str, ...]) -> list[tuple[Thing, str, Deed]]:
    """All that may be asked for and is not in the default, what opens something first."""
    more = [one for one in offered(allowed) if not allow(PLAIN_TOPICS, one[2].command)]
    return sorted(more, key=lambda one: not _opens(one))


def warning(allowed: tuple[str, ...]) -> str | None:
    """What the owner should know of a list that holds more than the default; None when it does not."""
    more = beyond(allowed)
    if not more:
        return None
    opening = ", ".join(_shown(one) for one in more if _opens(one))
    others = ", ".join(_shown(one) for one in more if not _opens(one))
    may = [
        text
        for text in (opening and f"open the car: {opening}", others and f"do more than by default: {others}")
        if text
    ]
    return f"plain_topics: without any signature everybody whom the MQTT broker lets publish may {'; and '.join(may)}."


def report(allowed: tuple[str, ...]) -> dict[str, list[str]]:
    """The same for programs: the commands, and those among them that open something."""
    more = beyond(allowed)
    return {
        "widened": list(dict.fromkeys(one[2].command for one in more)),
        "opens": list(dict.fromkeys(one[2].command for one in more if _opens(one))),
    }


def _opens(one: tuple[Thing, str, Deed]) -> bool:
    return CATALOGUE[one[2].command].opens


def _shown(one: tuple[Thing, str, Deed]) -> str:
    thing, word, deed = one
    return f"`{thing.name}/set` {word} ({deed.command})"
