"""The documents that the page shows, made of what the bridge knows, in the reader's language.

Every value of the car comes with its age and where it is from; what was never heard says so. Nothing is guessed.

Pains 20, 126.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from driveway_bridge.clients import HOME, PAGE, PLAIN
from driveway_bridge.contract import Outcome
from driveway_bridge.known import BODY, CLOSURES, FROM_MEMORY, Known
from driveway_bridge.reasons import REASONS
from driveway_bridge.web.privacy import discreet
from driveway_bridge.web.texts import reason, text, word

if TYPE_CHECKING:
    from driveway_bridge.audit.history import Shown
    from driveway_bridge.car import Car
    from driveway_bridge.contract import LinkState, Result
    from driveway_bridge.web.view import View

HOME_ASSISTANT_S: Final = 300.0
"""So long unheard, and Home Assistant counts as away."""
GOOD, BAD, UNKNOWN = "good", "bad", "unknown"
_RADIO_REASONS: Final = {"deaf": "radio_deaf", "missing": "no_adapter"}
Document = dict[str, Any]


def state(view: View, language: str, now: float, *, details: bool = False) -> Document:
    """Everything that changes by itself; `now` on the clock of this boot. `details`: the health document too."""
    health = view.health()
    cars = view.cars()
    return {
        "version": str(health.get("version", "")),
        "uptime_s": round(now),
        "cars": [_car(car, language, now) for car in cars],
        "chain": [
            _radio(health, cars, language),
            *(_reach(car, language) for car in cars),
            _broker(health, language),
            _home_assistant(health, language),
        ],
        "health": discreet(health) if details else None,
    }


def log(view: View, language: str, limit: int) -> Document:
    """The last commands, the newest first."""
    names = {car.id: car.name for car in view.cars()}
    return {"commands": [_logged(entry, names, language) for entry in view.log(limit)]}


def result(ended: Result, command: str, language: str) -> Document:
    """What became of a command, with a sentence for the person who gave it."""
    good = ended.outcome == Outcome.CONFIRMED
    why = ended.reason or ""
    if good:
        sentence = text(language, "outcome_sentence", f"{command}_done")
    else:
        known = text(language, "outcome_sentence", ended.outcome.value) if ended.outcome.final else ""
        sentence = f"{known} {reason(language, why)}".strip()
    return {"outcome": ended.outcome.value, "reason": why, "good": good, "sentence": sentence}


def _car(car: Car, language: str, now: float) -> Document:
    link = car.link
    lock = car.knowledge.get(BODY, "lock")
    asleep = car.knowledge.get(BODY, "asleep")
    present = car.knowledge.get(BODY, "user_present")
    return {
        "id": car.id,
        "name": car.name,
        "route": car.route,
        "lock": _value(lock, now, word(language, "lock", "unknown" if lock.value is None else lock.value)),
        "asleep": _value(asleep, now, _flag(asleep.value, "asleep", "awake", language)),
        "present": _value(present, now, _flag(present.value, "yes", "no", language)),
        "doors": _doors(car, language, now),
        "linked": link.linked,
        "link": text(language, "word", "linked" if link.linked else "not_linked"),
        "reachable": link.reachable,
        "in_range": link.in_range,
        "places_free": link.places_free,
        "signal_dbm": link.signal_dbm,
        "heard_s_ago": _age(link.heard_at, now),
        "contact_s_ago": _age(link.contact_at, now),
    }


def _doors(car: Car, language: str, now: float) -> Document:
    """Each door that the car has told of, and all of them in a few words."""
    known = {name: car.knowledge.get(BODY, name) for name in CLOSURES}
    told = {name: door for name, door in known.items() if door.value is not None}
    doors = [
        {"name": text(language, "closure_name", name), "open": door.value != "closed"}
        | _value(door, now, word(language, "closure", door.value))
        for name, door in told.items()
    ]
    if not told:
        summary = text(language, "word", "unknown")
    elif all(door.value == "closed" for door in told.values()):
        summary = text(language, "word", "all_closed")
    else:
        summary = ", ".join(f"{door['name']} {door['text']}" for door in doors if door["open"])
    ages = [age for age in (_age(door.at, now) for door in told.values()) if age is not None]
    return {
        "text": summary,
        "age_s": max(ages, default=None),
        "open": any(door["open"] for door in doors),
        "each": doors,
    }


def _value(known: Known, now: float, shown: str) -> Document:
    return {
        "value": known.value,
        "text": shown,
        "age_s": _age(known.at, now),
        "heard": known.heard,
        "from_memory": known.source == FROM_MEMORY,
    }


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 1)


def _flag(value: bool | None, yes: str, no: str, language: str) -> str:  # noqa: FBT001 - what the car said
    return text(language, "word", "unknown" if value is None else yes if value else no)


# What works, link by link ---------------------------------------------------------------------------------------------


def _link(name: str, state: str, sentence: str) -> Document:
    return {"name": name, "state": state, "sentence": sentence}


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def _radio(health: Document, cars: Any, language: str) -> Document:
    name, radio = text(language, "chain", "radio"), _part(health, "radio")
    now = radio.get("state")
    if all(car.route not in (None, "bluetooth") for car in cars):
        return _link(name, UNKNOWN, text(language, "chain", "radio_none"))
    if now == "ok":
        return _link(name, GOOD, text(language, "chain", "radio_ok"))
    if not radio or now in ("starting", "healing"):
        return _link(name, UNKNOWN, text(language, "chain", f"radio_{now or 'starting'}"))
    told = radio.get("reason")
    code = str(told) if told in REASONS else _RADIO_REASONS.get(str(now), "radio_unavailable")
    return _link(name, BAD, reason(language, code))


def _reach(car: Car, language: str) -> Document:
    code, sentence = _reached(car.link)
    if code in (GOOD, UNKNOWN):
        return _link(car.name, code, text(language, "chain", sentence))
    return _link(car.name, BAD, reason(language, sentence))


def _reached(link: LinkState) -> tuple[str, str]:
    """Whether the car is reached, and the text or, when it is not, the reason that says so."""
    if link.linked:
        return GOOD, "car_linked"
    if link.in_range is False:
        return BAD, "not_in_range"
    if link.why_not is not None:
        return BAD, link.why_not
    if link.places_free is False:
        return BAD, "places_full"
    if link.reachable:
        return GOOD, "car_reached"
    return (GOOD, "car_heard") if link.in_range else (UNKNOWN, "car_unknown")


def _broker(health: Document, language: str) -> Document:
    name, mqtt = text(language, "chain", "broker"), _part(health, "mqtt")
    if mqtt.get("connected") is False:
        return _link(name, BAD, reason(language, "broker_away"))
    ear = _part(mqtt, "ear").get("ok")
    if ear is None:
        return _link(name, UNKNOWN, text(language, "chain", "broker_unknown"))
    if not ear:
        return _link(name, BAD, reason(language, "commands_not_heard"))
    return _link(name, GOOD, text(language, "chain", "broker_ok"))


def _home_assistant(health: Document, language: str) -> Document:
    name, heard = text(language, "chain", "home_assistant"), _part(health, "mqtt").get("home_assistant_s_ago")
    if not isinstance(heard, (int, float)):
        return _link(name, UNKNOWN, text(language, "chain", "home_assistant_never"))
    good = heard < HOME_ASSISTANT_S
    return _link(
        name, GOOD if good else BAD, text(language, "chain", "home_assistant_ok" if good else "home_assistant_bad")
    )


# The log --------------------------------------------------------------------------------------------------------------


def _logged(entry: Shown, names: Mapping[str, str], language: str) -> Document:
    record = entry.record
    command = record.command or ""
    return {
        "unix_s": entry.unix_s,
        "car": names.get(record.car or "", record.car),
        "command": word(language, "page", command) if command in ("lock", "unlock") else command,
        "good": record.outcome == Outcome.CONFIRMED,
        "outcome": word(language, "outcome", record.outcome),
        "sentence": "" if record.outcome == Outcome.CONFIRMED else reason(language, record.reason),
        "asked_by": discreet(text(language, "word", record.who) if record.who in (HOME, PAGE, PLAIN) else record.who),
        "ms": record.ms,
    }
