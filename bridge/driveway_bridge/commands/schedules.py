"""When the car shall charge or be warm. Minutes are after midnight where the car is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from driveway_bridge.commands.base import Command, same
from driveway_bridge.commands.infotainment import CHARGE, CHARGE_SCHEDULES, PRECONDITION_SCHEDULES, act, act_and_read
from driveway_bridge.commands.parameter import Kind, Parameter, boolean, choice, integer, number, text
from driveway_bridge.commands.specification import CHARGING, Specification
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.proto import car_server, common

DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
"""In the order of the car's bits: Sunday is 1, Saturday 64."""
WHEN: Final = ("off", "all_week", "weekdays")
_MIDNIGHT = "min after midnight"
_LAST_MINUTE = 24 * 60 - 1
ID: Final = integer("schedule_id", "s since 1970", 1, 2**53 - 1)
"""The second in which the entry is made; to use one again changes that entry."""
DAY_LIST: Final = Parameter("days", Kind.CHOICES, choices=DAYS, required=False, default=DAYS)
NAME: Final = text("name", 0, 60, default="")
LATITUDE: Final = number("latitude", "°", -90, 90)
LONGITUDE: Final = number("longitude", "°", -180, 180)
START: Final = integer("start_minutes", _MIDNIGHT, 0, _LAST_MINUTE, default=None)
END: Final = integer("end_minutes", _MIDNIGHT, 0, _LAST_MINUTE, default=None)
READY: Final = integer("ready_minutes", _MIDNIGHT, 0, _LAST_MINUTE)
CHARGE_AT: Final = integer("start_minutes", _MIDNIGHT, 0, _LAST_MINUTE, default=0)
DEPART_AT: Final = integer("departure_minutes", _MIDNIGHT, 0, _LAST_MINUTE, default=0)
PRECONDITIONING: Final = choice("preconditioning", WHEN, default="off")
OFF_PEAK: Final = choice("off_peak_charging", WHEN, default="off")
OFF_PEAK_END: Final = integer("off_peak_end_minutes", _MIDNIGHT, 0, _LAST_MINUTE, default=0)
ENABLED: Final = boolean("enabled", default=True)
ONE_TIME: Final = boolean("one_time", default=False)
ON: Final = boolean("on")
HOME, WORK, OTHER = (boolean(place, default=False) for place in ("home", "work", "other"))


def charge_schedule_add(
    *,
    schedule_id: int,
    latitude: float,
    longitude: float,
    start_minutes: int | None = None,
    end_minutes: int | None = None,
    days: Sequence[str] = DAYS,
    name: str = "",
    one_time: bool = False,
    enabled: bool = True,
) -> Command:
    """Add or change an entry; it needs a start, an end, or both, and holds at the place given."""
    _check(_CHARGE_SCHEDULE, locals())
    if start_minutes is None and end_minutes is None:
        raise NotAdmitted("bad_arguments", "start_minutes or end_minutes is missing")
    schedule = common.ChargeSchedule(
        id=schedule_id,
        name=name,
        days_of_week=_mask(days),
        start_enabled=start_minutes is not None,
        start_time=start_minutes or 0,
        end_enabled=end_minutes is not None,
        end_time=end_minutes or 0,
        one_time=one_time,
        enabled=enabled,
        latitude=latitude,
        longitude=longitude,
    )
    wished = (_mask(days), start_minutes, end_minutes, one_time, enabled)
    return act_and_read(
        "charge_schedule_add",
        car_server.VehicleAction(addChargeScheduleAction=schedule),
        CHARGE_SCHEDULES,
        lambda schedules: any(
            wished
            == (
                entry.day_mask,
                entry.start_minutes if entry.start_enabled else None,
                entry.end_minutes if entry.end_enabled else None,
                entry.one_time,
                entry.enabled,
            )
            for entry in schedules.entries
            if entry.id == schedule_id
        ),
    )


def charge_schedule_remove(schedule_id: int) -> Command:
    """Remove an entry by its id."""
    ID.check(schedule_id)
    return act_and_read(
        "charge_schedule_remove",
        car_server.VehicleAction(
            removeChargeScheduleAction=car_server.RemoveChargeScheduleAction(id=schedule_id),
        ),
        CHARGE_SCHEDULES,
        lambda schedules: all(entry.id != schedule_id for entry in schedules.entries),
    )


def charge_schedules_clear(*, home: bool = False, work: bool = False, other: bool = False) -> Command:
    """Remove all entries of these places."""
    _check((HOME, WORK, OTHER), locals())
    action = car_server.BatchRemoveChargeSchedulesAction(home=home, work=work, other=other)
    return act("charge_schedules_clear", car_server.VehicleAction(batchRemoveChargeSchedulesAction=action))


def precondition_schedule_add(
    *,
    schedule_id: int,
    latitude: float,
    longitude: float,
    ready_minutes: int,
    days: Sequence[str] = DAYS,
    name: str = "",
    one_time: bool = False,
    enabled: bool = True,
) -> Command:
    """Add or change an entry by which cabin and battery shall be warm at the place given."""
    _check(_PRECONDITION_SCHEDULE, locals())
    schedule = common.PreconditionSchedule(
        id=schedule_id,
        name=name,
        days_of_week=_mask(days),
        precondition_time=ready_minutes,
        one_time=one_time,
        enabled=enabled,
        latitude=latitude,
        longitude=longitude,
    )
    wished = (_mask(days), ready_minutes, one_time, enabled)
    return act_and_read(
        "precondition_schedule_add",
        car_server.VehicleAction(addPreconditionScheduleAction=schedule),
        PRECONDITION_SCHEDULES,
        lambda schedules: any(
            wished == (entry.day_mask, entry.ready_minutes, entry.one_time, entry.enabled)
            for entry in schedules.entries
            if entry.id == schedule_id
        ),
    )


def precondition_schedule_remove(schedule_id: int) -> Command:
    """Remove an entry by its id."""
    ID.check(schedule_id)
    return act_and_read(
        "precondition_schedule_remove",
        car_server.VehicleAction(
            removePreconditionScheduleAction=car_server.RemovePreconditionScheduleAction(id=schedule_id)
        ),
        PRECONDITION_SCHEDULES,
        lambda schedules: all(entry.id != schedule_id for entry in schedules.entries),
    )


def precondition_schedules_clear(*, home: bool = False, work: bool = False, other: bool = False) -> Command:
    """Remove all entries of these places."""
    _check((HOME, WORK, OTHER), locals())
    action = car_server.BatchRemovePreconditionSchedulesAction(home=home, work=work, other=other)
    return act("precondition_schedules_clear", car_server.VehicleAction(batchRemovePreconditionSchedulesAction=action))


def scheduled_charging(*, on: bool, start_minutes: int = 0) -> Command:
    """Charge from a time on, every day. The car keeps one mode for this and for departure: each ends the other."""
    _check((ON, CHARGE_AT), locals())
    action = car_server.ScheduledChargingAction(enabled=on, charging_time=start_minutes)
    return act_and_read(
        "scheduled_charging",
        car_server.VehicleAction(scheduledChargingAction=action),
        CHARGE,
        lambda charge: _planned(
            charge.planned_mode, "start_at", charge.planned_start_minutes, start_minutes if on else None
        ),
    )


def scheduled_departure(
    *,
    on: bool,
    departure_minutes: int = 0,
    preconditioning: str = "off",
    off_peak_charging: str = "off",
    off_peak_end_minutes: int = 0,
) -> Command:
    """Be ready at a time, every day; `preconditioning` and `off_peak_charging` say on which days, if at all."""
    _check(_DEPARTURE, locals())
    action = car_server.ScheduledDepartureAction(
        enabled=on, departure_time=departure_minutes, off_peak_hours_end_time=off_peak_end_minutes
    )
    # A part that is there switches its feature on, even if it is empty.
    if preconditioning != "off":
        getattr(action.preconditioning_times, preconditioning).SetInParent()
    if off_peak_charging != "off":
        getattr(action.off_peak_charging_times, off_peak_charging).SetInParent()
    return act_and_read(
        "scheduled_departure",
        car_server.VehicleAction(scheduledDepartureAction=action),
        CHARGE,
        lambda charge: _planned(
            charge.planned_mode, "depart_by", charge.planned_departure_minutes, departure_minutes if on else None
        ),
    )


def _planned(mode: str | None, wished_mode: str, minutes: int | None, wished_minutes: int | None) -> bool | None:
    """Whether the car plans what was wished; no minutes wished: that it does not plan it."""
    if mode is None:
        return None
    if wished_minutes is None:
        return mode != wished_mode
    return same(minutes, wished_minutes) if mode == wished_mode else False


def _mask(days: Sequence[str]) -> int:
    return sum(1 << DAYS.index(day) for day in days)


def _check(parameters: Sequence[Parameter], values: dict[str, object]) -> None:
    for parameter in parameters:
        parameter.check(values[parameter.name])


_PLACE: Final = (ID, LATITUDE, LONGITUDE)
_OPTIONS: Final = (DAY_LIST, NAME, ONE_TIME, ENABLED)
_CHARGE_SCHEDULE: Final = (*_PLACE, START, END, *_OPTIONS)
_PRECONDITION_SCHEDULE: Final = (*_PLACE, READY, *_OPTIONS)
_DEPARTURE: Final = (ON, DEPART_AT, PRECONDITIONING, OFF_PEAK, OFF_PEAK_END)

SPECIFICATIONS: Final = (
    Specification(
        name="charge_schedule_add",
        subject="schedules",
        summary="Add a charging schedule for a place, or change the one with this id.",
        build=charge_schedule_add,
        parameters=_CHARGE_SCHEDULE,
        roles=CHARGING,
        verified_by="read_charge_schedules",
    ),
    Specification(
        name="charge_schedule_remove",
        subject="schedules",
        summary="Remove a charging schedule.",
        build=charge_schedule_remove,
        parameters=(ID,),
        roles=CHARGING,
        verified_by="read_charge_schedules",
    ),
    Specification(
        name="charge_schedules_clear",
        subject="schedules",
        summary="Remove all charging schedules of these places.",
        build=charge_schedules_clear,
        parameters=(HOME, WORK, OTHER),
        roles=CHARGING,
    ),
    Specification(
        name="precondition_schedule_add",
        subject="schedules",
        summary="Add a schedule by which the car is warm, or change the one with this id.",
        build=precondition_schedule_add,
        parameters=_PRECONDITION_SCHEDULE,
        verified_by="read_precondition_schedules",
    ),
    Specification(
        name="precondition_schedule_remove",
        subject="schedules",
        summary="Remove a preconditioning schedule.",
        build=precondition_schedule_remove,
        parameters=(ID,),
        verified_by="read_precondition_schedules",
    ),
    Specification(
        name="precondition_schedules_clear",
        subject="schedules",
        summary="Remove all preconditioning schedules of these places.",
        build=precondition_schedules_clear,
        parameters=(HOME, WORK, OTHER),
    ),
    Specification(
        name="scheduled_charging",
        subject="schedules",
        summary="Charge from a time of day on (cars before schedules with places).",
        build=scheduled_charging,
        parameters=(ON, CHARGE_AT),
        roles=CHARGING,
        verified_by="read_charge",
    ),
    Specification(
        name="scheduled_departure",
        subject="schedules",
        summary="Be charged or warm at a time of day (cars before schedules with places).",
        build=scheduled_departure,
        parameters=_DEPARTURE,
        roles=CHARGING,
        verified_by="read_charge",
    ),
)
