"""What Home Assistant's own MQTT discovery is told of a car: one device with its entities. Pure.

The format is Home Assistant's "device discovery" (its `components/mqtt/schemas.py`); a test feeds what is made here to
a real one. An entity that can do something is only offered if every word that it would say may be said: nobody shall
press what is refused. What is left then is shown by a sensor. Each component is named in the message, those that are
not offered by their platform alone, which takes them out where an earlier message had offered them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from driveway_bridge.contract import EVENTS, CarInfo, Info
from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.things import THINGS, Thing
from driveway_bridge.permissions import allow

ORIGIN: Final = {"name": "Driveway"}
MANUFACTURER: Final = "Tesla"
Config = dict[str, Any]
Component = tuple[str, str, Config | None]
"""Platform, key, and its configuration; None where it is not offered."""

_DISABLED: Final[Config] = {"enabled_by_default": False}
_DIAGNOSTIC: Final[Config] = {"entity_category": "diagnostic"}
_WINDOWS: Final = ("front_driver", "front_passenger", "rear_driver", "rear_passenger")
_LIDS: Final[dict[str, tuple[str, str, Config]]] = {
    "trunk": ("Trunk", "door", {}),
    "frunk": ("Frunk", "door", {}),
    "charge_port": ("Charge port", "door", {}),
    "tonneau": ("Bed cover", "shutter", _DISABLED),
    "windows": ("Windows", "window", {}),
    "sunroof": ("Sunroof", "window", _DISABLED),
}
_DOORS: Final = {
    "front_driver_door": "Front driver's door",
    "front_passenger_door": "Front passenger's door",
    "rear_driver_door": "Rear door, driver's side",
    "rear_passenger_door": "Rear door, passenger's side",
}
_SWITCHES: Final[dict[str, tuple[str, str, Config]]] = {
    "charging": ("Charging", "value in ('starting', 'charging', 'calibrating')", {"icon": "mdi:ev-station"}),
    "sentry": ("Sentry Mode", "value != 'off'", {"icon": "mdi:shield-car"}),
    "defrost": ("Defrost", "value == 'max'", {"icon": "mdi:car-defrost-front"}),
    "wheel_heat": ("Warm steering wheel", "value", {"icon": "mdi:steering"}),
    "bioweapon": ("Bioweapon defence", "value", {"icon": "mdi:biohazard", **_DISABLED}),
}
_LEVELS: Final = ("off", "low", "medium", "high")
_SELECTS: Final = {"climate_keeper": "Climate keeper", "overheat_protection": "Overheat protection"}
_NUMBERS: Final[dict[str, tuple[str, Config]]] = {
    "charge_limit": ("Charge limit", {"icon": "mdi:battery-charging-80"}),
    "charge_amps": ("Charging current", {"device_class": "current"}),
    "volume": ("Volume", _DISABLED),
}
_BUTTONS: Final = {"wake": "Wake", "lights": "Flash the lights", "horn": "Honk"}
_SENSORS: Final[dict[tuple[str, str], tuple[str, Config]]] = {
    ("charge", "battery_percent"): (
        "Battery",
        {"device_class": "battery", "unit_of_measurement": "%", "state_class": "measurement"},
    ),
    ("charge", "range_miles"): ("Range", {"device_class": "distance", "unit_of_measurement": "mi"}),
    ("charge", "charging"): ("Charging state", {"icon": "mdi:ev-station"}),
    ("charge", "power_kw"): (
        "Charging power",
        {"device_class": "power", "unit_of_measurement": "kW", "state_class": "measurement"},
    ),
    ("charge", "energy_added_kwh"): ("Energy added", {"device_class": "energy", "unit_of_measurement": "kWh"}),
    ("charge", "minutes_to_limit"): ("Time to limit", {"device_class": "duration", "unit_of_measurement": "min"}),
    ("climate", "inside_celsius"): (
        "Inside temperature",
        {"device_class": "temperature", "unit_of_measurement": "°C", "state_class": "measurement"},
    ),
    ("climate", "outside_celsius"): (
        "Outside temperature",
        {"device_class": "temperature", "unit_of_measurement": "°C", "state_class": "measurement"},
    ),
    ("drive", "odometer_miles"): (
        "Odometer",
        {"device_class": "distance", "unit_of_measurement": "mi", "state_class": "total_increasing"},
    ),
    ("drive", "gear"): ("Gear", {"icon": "mdi:car-shift-pattern"}),
    **{
        ("tyres", f"{where}_bar"): (
            f"Tyre pressure {where.replace('_', ' ')}",
            {"device_class": "pressure", "unit_of_measurement": "bar", "state_class": "measurement", **_DISABLED},
        )
        for where in ("front_left", "front_right", "rear_left", "rear_right")
    },
    ("software", "version"): ("Software update", {**_DIAGNOSTIC, **_DISABLED}),
}
"""By subject and field of the state."""


def of_bridge(topics: Topics, info: Info) -> Config:
    """The bridge itself: the cars hang on it."""
    status = {"state_topic": topics.status, "payload_on": "online", "payload_off": "offline"}
    problems = {
        "state_topic": topics.health,
        "value_template": "{{ 'ON' if value_json.problems else 'OFF' }}",
        "json_attributes_topic": topics.health,
        "json_attributes_template": "{{ {'problems': value_json.problems} | tojson }}",
        "availability": [{"topic": topics.status}],
    }
    named: dict[str, tuple[str, str, Config]] = {
        "connected": ("Connected", "connectivity", status),
        "problem": ("Problem", "problem", problems),
    }
    return {
        "device": {"identifiers": [info.bridge], "name": info.name, "model": "Bridge", "manufacturer": "Driveway"}
        | {"sw_version": info.version},
        "origin": ORIGIN | {"sw_version": info.version},
        "components": {
            key: {"platform": "binary_sensor", "unique_id": f"{info.bridge}-{key}", "name": name}
            | {"device_class": device_class, **_DIAGNOSTIC, **config}
            for key, (name, device_class, config) in named.items()
        },
    }


def of_car(topics: Topics, info: Info, car: CarInfo, allowed: Sequence[str]) -> Config:
    """One car with all that can be shown and, as far as it is allowed, done."""
    device: Config = {"identifiers": [car.id], "name": car.name, "manufacturer": MANUFACTURER}
    if car.model is not None:
        device["model"] = car.model
    components: dict[str, Config] = {}
    for platform, key, config in _Entities(topics, car, allowed).all():
        offered = {} if config is None else {"unique_id": f"{car.id}-{key}", **config}
        components[key] = {"platform": platform, **offered}
    return {
        "device": device | {"via_device": info.bridge},
        "origin": ORIGIN | {"sw_version": info.version},
        # A car that sleeps, or is away, stays as it was last heard: Home Assistant gives nothing to what is not
        # available. Its link is told as long as the bridge looks after it.
        "availability": [
            {"topic": topics.status},
            {"topic": topics.link(car.id), "value_template": "{{ 'online' if value else 'offline' }}"},
        ],
        "availability_mode": "all",
        "components": components,
    }


class _Entities:
    """The components of one car."""

    def __init__(self, topics: Topics, car: CarInfo, allowed: Sequence[str]) -> None:
        self._topics = topics
        self._car = car
        self._allowed = allowed

    def all(self) -> Iterator[Component]:
        """All that there may be, each under a key of its own."""
        yield from self._lock()
        yield from self._lids()
        yield from self._climate()
        yield from self._switches()
        yield from self._choices()
        for thing, (name, more) in _NUMBERS.items():
            yield "number", thing, self._number(THINGS[thing], name, more)
        for thing, name in _BUTTONS.items():
            yield "button", thing, self._button(thing, "PRESS", name)
        for (subject, field), (name, more) in _SENSORS.items():
            template = f"{{{{ {_value(field)} }}}}"
            yield "sensor", f"{subject}_{field}", {"name": name, **self._state(subject, template), **more}
        yield from self._binary_sensors()
        yield "event", "event", self._event()

    def _may(self, thing: str, *words: str) -> bool:
        known = THINGS[thing]
        commands = [known.words[word].command for word in words]
        if known.scale is not None:
            commands.append(known.scale.command)
        of_role = self._car.commands
        return all(allow(self._allowed, one) and (of_role is None or one in of_role) for one in commands)

    def _state(self, subject: str, template: str) -> Config:
        return {"state_topic": self._topics.state(self._car.id, subject), "value_template": template}

    def _told(self, thing: str, template: str) -> Config:
        """The state of a thing; `%s` in the template stands for its value."""
        shows = THINGS[thing].shows or ("", "")
        return self._state(shows[0], template % _value(shows[1]) if "%s" in template else template)

    def _set(self, thing: str) -> str:
        return self._topics.plain(self._car.id, thing)

    def _button(self, thing: str, word: str, name: str) -> Config | None:
        if not self._may(thing, word):
            return None
        return {"name": name, "command_topic": self._set(thing), "payload_press": word}

    def _number(self, thing: Thing, name: str, more: Config) -> Config | None:
        scale = thing.scale
        if scale is None or not self._may(thing.name):
            return None
        unit = {"unit_of_measurement": scale.unit} if scale.unit else {}
        return {
            "name": name,
            **self._told(thing.name, "{{ %s }}"),
            "command_topic": self._set(thing.name),
            "min": scale.low,
            "max": scale.high,
            "step": scale.step,
            **unit,
            **more,
        }

    def _lock(self) -> Iterator[Component]:
        """A lock where both ways are allowed; else what it is like, with a button for the way that is."""
        both = self._may("lock", "LOCK", "UNLOCK")
        states = "{{ {'locked': '%s', 'internal_locked': '%s', 'unlocked': '%s', 'selective_unlocked': '%s'}"
        states += f".get({_value('lock')}) }}}}"
        lock = {
            "name": None,
            **self._state("body", states % ("LOCKED", "LOCKED", "UNLOCKED", "UNLOCKED")),
            "command_topic": self._set("lock"),
        }
        shown = {"name": "Lock", "device_class": "lock", **self._state("body", states % ("OFF", "OFF", "ON", "ON"))}
        yield "lock", "lock", lock if both else None
        yield "binary_sensor", "lock_state", None if both else shown
        for word, name in (("LOCK", "Lock"), ("UNLOCK", "Unlock")):
            yield "button", f"{word.lower()}_button", None if both else self._button("lock", word, name)

    def _lids(self) -> Iterator[Component]:
        for thing, (name, device_class, more) in _LIDS.items():
            words = {word: self._may(thing, word) for word in ("OPEN", "CLOSE", "STOP") if word in THINGS[thing].words}
            can = any(words.values())
            told = self._told(thing, _closure("opening", "closing") if can else _closure("open", "open"))
            if thing == "windows":
                told = self._state("closures", _any_window("open", "closed"))
            if thing == "sunroof":
                states = "{{ {'closed': 'closed', 'open': 'open', 'vent': 'open', 'moving': 'open'}"
                told = self._state("closures", f"{states}.get({_value('sun_roof')}) }}}}")
            payloads = {
                f"payload_{word.lower()}": word if words.get(word) else None for word in ("OPEN", "CLOSE", "STOP")
            }
            common = {"name": name, **told, **more}
            cover = {**common, "device_class": device_class, "command_topic": self._set(thing), **payloads}
            shown = {**common, "device_class": "opening", "payload_on": "open", "payload_off": "closed"}
            yield "cover", thing, cover if can else None
            yield "binary_sensor", f"{thing}_state", None if can else shown

    def _climate(self) -> Iterator[Component]:
        celsius = THINGS["temperature"].scale
        assert celsius is not None  # noqa: S101 - the table says so
        may = self._may("climate", "ON", "OFF") and self._may("temperature")
        topic = self._topics.state(self._car.id, "climate")
        config: Config = {
            "name": "Climate",
            "modes": ["off", "heat_cool"],
            "mode_state_topic": topic,
            "mode_state_template": f"{{{{ {{true: 'heat_cool', false: 'off'}}.get({_value('on')}) }}}}",
            "mode_command_topic": self._set("climate"),
            "current_temperature_topic": topic,
            "current_temperature_template": f"{{{{ {_value('inside_celsius')} }}}}",
            "temperature_state_topic": topic,
            "temperature_state_template": f"{{{{ {_value('driver_celsius')} }}}}",
            "temperature_command_topic": self._set("temperature"),
            "temperature_unit": "C",
            "min_temp": celsius.low,
            "max_temp": celsius.high,
            "temp_step": celsius.step,
        }
        on = _on_or_off("on", "value")
        yield "climate", "climate", config if may else None
        shown = {"name": "Climate", "device_class": "running", **self._state("climate", on)}
        yield "binary_sensor", "climate_state", None if may else shown

    def _switches(self) -> Iterator[Component]:
        for thing, (name, condition, more) in _SWITCHES.items():
            field = (THINGS[thing].shows or ("", ""))[1]
            common = {"name": name, **self._told(thing, _on_or_off(field, condition)), **more}
            may = self._may(thing, "ON", "OFF")
            yield "switch", thing, {**common, "command_topic": self._set(thing)} if may else None
            yield "binary_sensor", f"{thing}_state", None if may else common

    def _choices(self) -> Iterator[Component]:
        for thing, name in _SELECTS.items():
            yield "select", thing, self._select(thing, name, THINGS[thing].words, "{{ %s }}")
        levels = "{{ {0: 'off', 1: 'low', 2: 'medium', 3: 'high'}.get(%s) }}"
        for thing in THINGS:
            if thing.startswith("seat_"):
                name = thing.removeprefix("seat_").replace("_", " ").capitalize()
                yield "select", thing, self._select(thing, f"Seat {name.lower()}", _LEVELS, levels)

    def _select(self, thing: str, name: str, words: Iterable[str], template: str) -> Config | None:
        options = [word.lower() for word in words]
        if not self._may(thing, *(word.upper() for word in options)):
            return None
        command = {"command_topic": self._set(thing), "options": options}
        return {
            "name": name,
            "icon": "mdi:car-seat" if "seat" in thing else "mdi:fan",
            **self._told(thing, template),
        } | command

    def _binary_sensors(self) -> Iterator[Component]:
        for field, name in _DOORS.items():
            told = self._state("body", _on_or_off(field, "value != 'closed'"))
            yield "binary_sensor", field, {"name": name, "device_class": "door", **told}
        present = self._state("body", _on_or_off("user_present", "value"))
        yield "binary_sensor", "user_present", {"name": "Occupied", "device_class": "occupancy", **present}
        link = self._topics.link(self._car.id)
        of_link: tuple[tuple[str, str, Config], ...] = (
            ("reachable", "Reachable", {"device_class": "connectivity", **_DIAGNOSTIC}),
            ("in_range", "Near", {"device_class": "presence"}),
            ("asleep", "Asleep", {"icon": "mdi:sleep", **_DIAGNOSTIC}),
        )
        for field, name, more in of_link:
            template = f"{{{{ {{true: 'ON', false: 'OFF'}}.get(value_json.{field}) }}}}"
            yield "binary_sensor", field, {"name": name, "state_topic": link, "value_template": template, **more}
        why = "{{ value_json.why_not or ('none' if value_json.reachable else None) }}"
        yield "sensor", "obstacle", {"name": "Obstacle", "state_topic": link, "value_template": why, **_DIAGNOSTIC}

    def _event(self) -> Config:
        """What happens, whichever bridge tells it; kinds of a newer one are left out."""
        told = "dict(event_type=value_json.event, by=value_json.by, stage=value_json.stage) | tojson"
        return {
            "name": "Event",
            "state_topic": Topics(self._topics.base).event(self._car.id),
            "event_types": list(EVENTS),
            "value_template": f"{{{{ {told} if value_json.event in {list(EVENTS)} }}}}",
        }


def _value(field: str) -> str:
    """An expression for what the car said; nothing for what it has not, or what an older memory does not hold."""
    return f"value_json.get('{field}', {{}}).get('value')"


def _closure(opening: str, closing: str) -> str:
    """A template, with `%s` for the value; what moves has the given words."""
    return (
        "{{ {'closed': 'closed', 'open': 'open', 'ajar': 'open', 'failed_unlatch': 'open', "
        f"'opening': '{opening}', 'closing': '{closing}'}}.get(%s) }}}}"
    )


def _on_or_off(field: str, condition: str) -> str:
    """A template: `condition` says when it is on, of `value`; what the car does not say is unknown."""
    return f"{{% set value = {_value(field)} %}}{{{{ None if value is none else 'ON' if {condition} else 'OFF' }}}}"


def _any_window(is_open: str, closed: str) -> str:
    values = ", ".join(_value(f"{window}_window_open") for window in _WINDOWS)
    return (
        f"{{% set windows = [{values}] %}}{{{{ '{is_open}' if true in windows else '{closed}' if false in windows }}}}"
    )
