"""What may be shown to a stranger who helps: pure.

Everything here is a list of what is let through: numbers and yes or no under names that are known to be harmless, and
of texts those alone that are words of the contract. Whatever else a bridge or a car tells, now or in a later version,
is left out or shown as hidden: names, numbers that identify, places, destinations, what plays, and free text.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED

from .health import Health
from .reasons import REASONS
from .state import finite

type Kind = Callable[[Any], Any]
"""Takes what JSON can hold; gives what of it may be shown."""

WORDS: Final = frozenset({
    # Locks, doors, lids
    "locked", "unlocked", "internal_locked", "selective_unlocked",
    "closed", "open", "ajar", "failed_unlatch", "opening", "closing", "moving", "vent", "calibrating",
    # Charging
    "disconnected", "no_power", "starting", "charging", "complete", "stopped",
    "supercharger", "chademo", "gb", "ac_single_wire_can", "combo", "mc_single_wire_can", "other", "tesla",
    "iec", "sae", "gb_ac", "gb_dc", "disengaged", "engaged", "blocking",
    "none", "evse", "batt_temp_low", "high_soc", "cabin", "evse_relocation_recommended",
    # Climate
    "off", "on", "dog", "camp", "normal", "max", "fan_only", "low", "medium", "high", "override",
    "no_reason", "user_interaction", "energy_consumption_reached", "timeout", "low_solar_load", "fault",
    "cabin_below_threshold",
    # Sentry mode, screen, gear, update, player
    "idle", "armed", "aware", "panic", "quiet",
    "dim", "accessory", "driving", "lock", "sentry", "entertainment",
    "park", "reverse", "neutral", "drive",
    "installing", "scheduled", "available", "downloading_wifi_wait", "downloading",
    "playing", "paused",
})  # fmt: skip
"""What the car may say of the readings in `READINGS`: the members of the bridge's enumerations."""

_SEATS: Final = ("front_left", "front_right", "rear_left", "rear_center", "rear_right")
_TYRES: Final = ("front_left", "front_right", "rear_left", "rear_right")
_DOORS: Final = ("front_driver", "front_passenger", "rear_driver", "rear_passenger")

READINGS: Final[Mapping[str, frozenset[str]]] = {
    "body": frozenset(
        {"lock", "asleep", "user_present", "rear_trunk", "front_trunk", "charge_port", "tonneau"}
        | {f"{door}_door" for door in _DOORS}
    ),
    "charge": frozenset({
        "charging", "battery_percent", "usable_battery_percent", "range_miles", "estimated_range_miles",
        "limit_percent", "standard_limit_percent", "minimum_limit_percent", "maximum_limit_percent", "limit_reason",
        "energy_added_kwh", "range_added_miles", "volts", "amps", "pilot_amps", "set_amps", "requested_amps",
        "maximum_amps", "phases", "power_kw", "rate_mph", "minutes_to_full", "minutes_to_limit",
        "user_wants_charging", "wants_charging", "fast_charger", "fast_charger_present", "cable", "cable_unlatched",
        "port_open", "port_latch", "port_cold_weather", "preconditioning", "low_power_mode", "keeps_accessory_power",
    }),
    "climate": frozenset({
        "on", "inside_celsius", "outside_celsius", "driver_celsius", "passenger_celsius", "minimum_celsius",
        "maximum_celsius", "automatic", "automatic_request", "preconditioning", "fan_level", "keeper", "defrost",
        "front_defroster", "rear_defroster", "bioweapon", "comfort_remote", "overheat_protection",
        "overheat_temperature", "overheat_cooling", "overheat_pause", "overheat_allowed",
        "overheat_fan_only_possible", "front_left_seat_cooling", "front_right_seat_cooling",
        "front_left_seat_automatic", "front_right_seat_automatic", "wheel_heat", "wheel_heat_level",
        "wheel_heat_automatic", "battery_heat", "battery_heat_no_power", "wiper_heat", "mirror_heat",
    } | {f"{seat}_seat_heat" for seat in _SEATS}),
    "closures": frozenset({
        "front_trunk_open", "rear_trunk_open", "sun_roof", "sun_roof_percent", "tonneau", "tonneau_percent",
        "tonneau_moving", "locked", "user_present", "keyless_driving", "display", "sentry", "sentry_possible",
        "valet_mode", "valet_pin_needed",
    } | {f"{door}_{what}_open" for door in _DOORS for what in ("door", "window")}),
    "drive": frozenset({"gear"}),
    "location": frozenset(),
    "tyres": frozenset(
        {f"{tyre}_bar" for tyre in _TYRES}
        | {f"{tyre}_{kind}_warning" for tyre in _TYRES for kind in ("hard", "soft")}
        | {"front_recommended_bar", "rear_recommended_bar"}
    ),
    "software": frozenset({"status", "download_percent", "install_percent", "expected_seconds"}),
    "media": frozenset({"playback", "volume", "volume_step", "maximum_volume", "remote_control"}),
    "media_detail": frozenset(),
    "charge_schedules": frozenset({"maximum_entries", "next_exists"}),
    "precondition_schedules": frozenset({"maximum_entries", "next_exists"}),
    "parental_controls": frozenset({"active", "pin_set"}),
}  # fmt: skip
"""Of each subject the readings that may be shown; others are only counted."""

NOT_SHOWN: Final = "other"
"""Stands for a word that is not one of the contract's."""

_CODES: Final = REASONS.keys() | {"unloaded"}
"""Reason codes, with what the component itself adds."""


def number(value: Any) -> int | float | None:
    """A number; the caller says by choosing this that it identifies nobody."""
    return None if finite(value) is None else value


def flag(value: Any) -> bool | None:
    """Yes or no."""
    return value if isinstance(value, bool) else None


def word(*known: str) -> Kind:
    """Show one of these words."""
    return lambda value: None if value is None else value if isinstance(value, str) and value in known else NOT_SHOWN


def reason(value: Any) -> str | None:
    """A reason code that this version knows."""
    if value is None or value == "":
        return None
    return value if isinstance(value, str) and value in _CODES else NOT_SHOWN


def version(value: Any) -> str | None:
    """A version of a program: numbers with dots, and perhaps that it is none of the finished ones."""
    if value is None:
        return None
    pattern = r"\d{1,4}(\.\d{1,4}){1,2}(\.?(a|b|rc|dev)\d{0,3})?"
    return value if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) else NOT_SHOWN


def each(kind: Kind) -> Kind:
    """Show the items of a list."""
    return lambda value: [kind(item) for item in value] if isinstance(value, list) else []


def counted(value: Any) -> int:
    """How many there are."""
    return len(value) if isinstance(value, list | dict) else 0


def by(names: Collection[str], kind: Kind) -> Kind:
    """Show what stands under these names."""

    def shown(value: Any) -> dict[str, Any]:
        told = value if isinstance(value, Mapping) else {}
        return {name: kind(told[name]) for name in told if isinstance(name, str) and name in names}

    return shown


def fields(**kinds: Kind) -> Kind:
    """Show the fields that are named, each as its kind; others are left out."""

    def shown(value: Any) -> dict[str, Any]:
        told = value if isinstance(value, Mapping) else {}
        return {name: kind(told[name]) for name, kind in kinds.items() if name in told}

    return shown


_RADIO: Final = {
    "kind": word("system", "virtual", "adapter", "proxy", "several"),
    "state": word("ok", "starting", "deaf", "healing", "missing"),
    "reason": reason,
    "heard_at_s_ago": number,
    "heard_per_minute": number,
    "healed": number,
}

BRIDGE_HEALTH: Final = fields(
    uptime_s=number,
    version=version,
    mqtt=fields(
        connected=flag,
        version=word("5", "3.1.1"),
        connections=number,
        dropped=number,
        ear=fields(ok=flag, heard_s_ago=number, repairs=number),
        home_assistant_s_ago=number,
        twice=flag,
    ),
    radio=fields(
        **_RADIO,
        scanning=flag,
        steps=each(
            fields(
                seconds_ago=number,
                step=word("scan", "power", "library", "restart"),
                worked=flag,
                why=word("deaf", "no_scan", "no_link"),
            )
        ),
        radios=each(fields(**_RADIO, free_connections=number, connections=number, links=number)),
    ),
    clients=fields(readable=flag, count=number),
    audit=fields(works=flag, number=number, waiting=number),
    plain=fields(allowed=counted, widened=counted, opens=counted, taken=number, refused=number),
    process=fields(memory_mb=number, threads=number, files=number, files_allowed=number, tasks=number),
)
"""A bridge's document `health` without its cars and problems (docs/mqtt.md, "Health")."""

_ENDS: Final = by(("confirmed", "unconfirmed", "refused", "expired", "failed"), number)

CAR_HEALTH: Final = fields(
    in_range=flag,
    reachable=flag,
    linked=flag,
    contact_s_ago=number,
    queue=number,
    commands=_ENDS,
    polls=_ENDS,
    failures=by(_CODES, number),
    latency_ms=by(("link", "session", "car", "total", "waking", "waiting"), fields(p50=number, p95=number, p99=number)),
    links=number,
    links_lost=number,
    links_failed=number,
    poller=fields(
        phase=word("unknown", "away", "asleep", "awake", "occupied", "driving", "charging", "held"),
        since_s=number,
        held_by=counted,
        left_alone_s=number,
        asked_s_ago=number,
        next=fields(in_s=number),
        unreached=fields(count=number, reason=reason),
        failures=counted,
        within_budget=flag,
        defects=number,
    ),
    budget=fields(wakes_today=number, wakes_allowed=number, awake_minutes_today=number, awake_minutes_allowed=number),
    lease=fields(
        own=flag,
        why=word("alone", "vacant", "left", "silent", "given_up", "other", "better", "cut_off", "waiting"),
        since_s=number,
        others=counted,
    ),
)
"""What the same document says of one car."""

ROLE: Final = word("owner", "driver", "charging_manager", "vehicle_monitor")
MODEL: Final = word("Model S", "Model 3", "Model X", "Model Y", "Cybertruck", "Semi")
SOURCE: Final = word("push", "read", "memory")
ROUTE: Final = word("bluetooth", "tcp", "second_lock")
_PARTS: Final = ("radio", "broker", "ear", "clients", "audit")


def problems(health: Health) -> list[dict[str, str | None]]:
    """What does not work now; a part that is a car is only called so."""
    return [
        {"part": problem.part if problem.part in _PARTS else "car", "reason": reason(problem.reason)}
        for problem in health.problems
    ]


def reading(value: Any) -> Any:
    """What a car told under one of the names in `READINGS`; a text that is none of the contract's words is hidden."""
    if value is None or isinstance(value, bool):
        return value
    shown = number(value)
    if shown is not None:
        return shown
    return value if isinstance(value, str) and value in WORDS else REDACTED
