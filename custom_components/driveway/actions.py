"""Actions for what no entity can do: schedules, destinations, guests, limits, and any command by its name.

They are for the car's lock, which stands for the car, and so for its device, area or label as well.
"""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Final

import probatio
from homeassistant.components.lock.const import DOMAIN as LOCK_DOMAIN
from homeassistant.const import CONF_LATITUDE, CONF_LOCATION, CONF_LONGITUDE, UnitOfSpeed
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import service
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.json import JsonObjectType
from homeassistant.util.unit_conversion import SpeedConverter

from .const import DOMAIN, WEEKDAYS
from .contract import Result
from .dashboard import async_dashboard_for
from .entity import COMFORT_TTL_S, OPENS_TTL_S
from .lock import CarLock

LEAST_MPH: Final = 50
MOST_MPH: Final = 90
PUBLIC_KEY_DIGITS: Final = 130

_OPENING: Final = """
    lock unlock auto_secure trunk_open trunk_close frunk_open tonneau_open tonneau_close tonneau_stop door_open
    door_close charge_port_open charge_port_open_direct charge_port_close_direct windows_vent sunroof_vent sunroof_open
    homelink valet_mode valet_pin_reset speed_limit speed_limit_set speed_limit_pin_clear speed_limit_pin_clear_admin
    pin_to_drive pin_to_drive_reset pin_to_drive_reset_admin guest_mode erase_guest_data parental_controls
    parental_controls_setting parental_controls_speed_limit parental_controls_pin_clear
    parental_controls_pin_clear_admin key_add key_remove pair
    """
OPENING: Final = frozenset(_OPENING.split())
"""Commands that live no longer than a lock command."""
QUESTIONS: Final = (
    "status",
    "read_charge",
    "read_climate",
    "read_closures",
    "read_drive",
    "read_location",
    "read_tyres",
    "read_media",
    "read_media_detail",
    "read_software_update",
    "read_charge_schedules",
    "read_precondition_schedules",
    "read_parental_controls",
    "nearby_sites",
    "keys",
)

_LAST_ID: Final[HassKey[int]] = HassKey(f"{DOMAIN}_schedule_id")


def _json(given: dict[str, Any]) -> dict[str, Any]:
    """Let through what a command can carry; YAML knows dates, and templates not-a-numbers."""
    try:
        json.dumps(given, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise probatio.Invalid(str(error)) from error
    return given


def _whole(number: object) -> object:
    """Let through what is not certainly no whole number: half an id is not the id below it."""
    if isinstance(number, bool) or (isinstance(number, float) and not number.is_integer()):
        raise probatio.Invalid("not a whole number")
    return number


_ARGUMENTS: Final = probatio.All(probatio.Schema({cv.string: object}), _json)
_PIN: Final = cv.matches_regex(r"^\d{4}$")
_ID: Final = probatio.All(_whole, probatio.Coerce(int), probatio.Range(min=1, max=2**53 - 1))
_PLACE: Final = probatio.Schema(
    {
        probatio.Required(CONF_LATITUDE): cv.latitude,
        probatio.Required(CONF_LONGITUDE): cv.longitude,
    },
    extra=probatio.REMOVE_EXTRA,
)
_DAYS: Final = probatio.All(cv.ensure_list, probatio.Length(min=1), [probatio.In(WEEKDAYS)])
_SCHEDULE: Final = {
    probatio.Optional("schedule_id"): _ID,
    probatio.Optional(CONF_LOCATION): _PLACE,
    probatio.Optional("days"): _DAYS,
    probatio.Optional("name"): probatio.All(cv.string, probatio.Length(max=60)),
    probatio.Optional("one_time"): cv.boolean,
    probatio.Optional("enabled"): cv.boolean,
}
_REMOVAL: Final = {probatio.Required("schedule_id"): _ID}
_KEY: Final = {probatio.Required("public_key"): cv.matches_regex(rf"^04[0-9a-fA-F]{{{PUBLIC_KEY_DIGITS - 2}}}$")}


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its fields, and what it does with a car's lock and what was given."""

    fields: Mapping[Any, Any]
    run: Callable[[CarLock, dict[str, Any]], Awaitable[JsonObjectType | None]]
    response: SupportsResponse = SupportsResponse.NONE
    admin_only: bool = False
    """It can do what nobody should who has an account of the house only."""


async def _send(lock: CarLock, command: str, arguments: Mapping[str, Any]) -> Result:
    ttl_s = OPENS_TTL_S if command in OPENING else COMFORT_TTL_S
    return await lock.async_command(command, arguments, ttl_s=ttl_s)


def _passing(command: str) -> Callable[[CarLock, dict[str, Any]], Awaitable[None]]:
    """Make an action whose fields are the command's arguments."""

    async def run(lock: CarLock, data: dict[str, Any]) -> None:
        await _send(lock, command, data)

    return run


async def _navigate(lock: CarLock, data: dict[str, Any]) -> None:
    if len(data) != 1:
        raise _invalid("destination_or_location")
    if place := data.get(CONF_LOCATION):
        await _send(lock, "navigate_to_point", place)
    else:
        await _send(lock, "navigate", data)


def _new_id(hass: HomeAssistant) -> int:
    """Give the id of a new schedule: seconds since 1970, and never one twice, as the second would replace the first."""
    hass.data[_LAST_ID] = max(int(dt_util.utcnow().timestamp()), hass.data.get(_LAST_ID, 0) + 1)
    return hass.data[_LAST_ID]


def _adding(command: str) -> Callable[[CarLock, dict[str, Any]], Awaitable[JsonObjectType]]:
    """Make an action that adds a schedule, or changes the one with its id; at home, if no place is given."""

    async def run(lock: CarLock, data: dict[str, Any]) -> JsonObjectType:
        home = {CONF_LATITUDE: lock.hass.config.latitude, CONF_LONGITUDE: lock.hass.config.longitude}
        arguments = {"schedule_id": data.pop("schedule_id", None) or _new_id(lock.hass)} | data.pop(CONF_LOCATION, home)
        for name, value in data.items():
            if isinstance(value, time):
                arguments[f"{name}_minutes"] = value.hour * 60 + value.minute
            else:
                arguments[name] = value
        if command == "charge_schedule_add" and not arguments.keys() & {"start_minutes", "end_minutes"}:
            raise _invalid("start_or_end")
        await _send(lock, command, arguments)
        return {"schedule_id": arguments["schedule_id"]}

    return run


async def _limit_speed(lock: CarLock, data: dict[str, Any]) -> None:
    limit, on, pin = data.get("limit"), data.get("on"), data.get("pin")
    if limit is None and on is None:
        raise _invalid("limit_or_on")
    if on is not None and pin is None:
        raise _invalid("pin_missing")
    if limit is not None:
        unit = data.get("unit", lock.hass.config.units.wind_speed_unit)
        if unit not in (UnitOfSpeed.KILOMETERS_PER_HOUR, UnitOfSpeed.MILES_PER_HOUR):
            unit = UnitOfSpeed.KILOMETERS_PER_HOUR
        mph = round(SpeedConverter.convert(limit, unit, UnitOfSpeed.MILES_PER_HOUR), 2)
        if not LEAST_MPH <= mph <= MOST_MPH:
            least = math.ceil(SpeedConverter.convert(LEAST_MPH, UnitOfSpeed.MILES_PER_HOUR, unit))
            most = math.floor(SpeedConverter.convert(MOST_MPH, UnitOfSpeed.MILES_PER_HOUR, unit))
            raise _invalid("limit_out_of_range", least=f"{least} {unit}", most=f"{most} {unit}")
        await _send(lock, "speed_limit_set", {"limit_mph": mph})
    if on is not None:
        await _send(lock, "speed_limit", {"on": on, "pin": pin})


async def _switch_valet_mode(lock: CarLock, data: dict[str, Any]) -> None:
    if data["on"] and "pin" not in data:
        raise _invalid("pin_missing")
    await _send(lock, "valet_mode", data)


async def _add_guest_key(lock: CarLock, data: dict[str, Any]) -> None:
    await _send(lock, "key_add", data | {"role": "guest"})


async def _give_command(lock: CarLock, data: dict[str, Any]) -> JsonObjectType:
    result = await _send(lock, data["command"], data.get("arguments", {}))
    return {
        "outcome": result.outcome.value,
        "reason": result.reason,
        "route": result.route,
        "phases_ms": dict(result.phases_ms),
        "data": dict(result.data) if result.data is not None else None,
    }


async def _ask(lock: CarLock, data: dict[str, Any]) -> JsonObjectType:
    result = await _send(lock, data["question"], data.get("arguments", {}))
    return dict(result.data or {})


async def _show_dashboard(lock: CarLock, _data: dict[str, Any]) -> JsonObjectType:
    return await async_dashboard_for(lock.hass, lock.coordinator.entry, lock.car)


ACTIONS: Final[Mapping[str, Action]] = {
    "navigate": Action(
        {
            probatio.Optional("destination"): probatio.All(cv.string, probatio.Length(min=1, max=400)),
            probatio.Optional(CONF_LOCATION): _PLACE,
        },
        _navigate,
    ),
    "charge_schedule_add": Action(
        _SCHEDULE | {probatio.Optional("start"): cv.time, probatio.Optional("end"): cv.time},
        _adding("charge_schedule_add"),
        SupportsResponse.OPTIONAL,
    ),
    "charge_schedule_remove": Action(_REMOVAL, _passing("charge_schedule_remove")),
    "precondition_schedule_add": Action(
        _SCHEDULE | {probatio.Required("ready"): cv.time},
        _adding("precondition_schedule_add"),
        SupportsResponse.OPTIONAL,
    ),
    "precondition_schedule_remove": Action(_REMOVAL, _passing("precondition_schedule_remove")),
    "valet_mode": Action(
        {probatio.Required("on"): cv.boolean, probatio.Optional("pin"): _PIN},
        _switch_valet_mode,
    ),
    "speed_limit": Action(
        {
            probatio.Optional("limit"): probatio.Coerce(float),
            probatio.Optional("unit"): probatio.In([UnitOfSpeed.KILOMETERS_PER_HOUR, UnitOfSpeed.MILES_PER_HOUR]),
            probatio.Optional("on"): cv.boolean,
            probatio.Optional("pin"): _PIN,
        },
        _limit_speed,
    ),
    "guest_mode": Action({probatio.Required("on"): cv.boolean}, _passing("guest_mode")),
    "guest_key_add": Action(_KEY, _add_guest_key, admin_only=True),
    "guest_key_remove": Action(_KEY, _passing("key_remove"), admin_only=True),
    "command": Action(
        {
            probatio.Required("command"): cv.matches_regex(r"^[a-z0-9_]+$"),
            probatio.Optional("arguments"): _ARGUMENTS,
        },
        _give_command,
        SupportsResponse.OPTIONAL,
        admin_only=True,
    ),
    "dashboard": Action({}, _show_dashboard, SupportsResponse.ONLY),
    "read": Action(
        {
            probatio.Required("question"): probatio.In(QUESTIONS),
            probatio.Optional("arguments"): _ARGUMENTS,
        },
        _ask,
        SupportsResponse.ONLY,
    ),
}


@callback
def async_register_actions(hass: HomeAssistant) -> None:
    """Register all of them."""
    for name, action in ACTIONS.items():
        service.async_register_platform_entity_service(
            hass,
            DOMAIN,
            name,
            entity_domain=LOCK_DOMAIN,
            schema=dict(action.fields),
            func=_handler(action),
            admin_only=action.admin_only,
            supports_response=action.response,
        )


def _handler(action: Action) -> Callable[[CarLock, ServiceCall], Awaitable[ServiceResponse]]:
    async def handle(lock: CarLock, call: ServiceCall) -> ServiceResponse:
        return await action.run(lock, service.remove_entity_service_fields(call))

    return handle


def _invalid(key: str, **placeholders: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders or None
    )
