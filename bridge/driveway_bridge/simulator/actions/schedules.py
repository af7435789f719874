"""Schedules of charging and of warming up: the old single one, and the lists."""

from __future__ import annotations

from driveway_bridge.proto import car_server, common
from driveway_bridge.simulator.actions.row import CHARGERS, DRIVERS, Asked, Row, insist
from driveway_bridge.simulator.parts.schedules import Book, Mode

_DAY_MIN = 24 * 60


def _charging(asked: Asked, message: car_server.ScheduledChargingAction) -> None:
    schedule = asked.car.schedule
    schedule.mode = Mode.START_AT if message.enabled else Mode.OFF
    if message.enabled:
        schedule.start_min = message.charging_time % _DAY_MIN
    _wait_anew(asked)


def _departure(asked: Asked, message: car_server.ScheduledDepartureAction) -> None:
    schedule = asked.car.schedule
    schedule.mode = Mode.DEPART_BY if message.enabled else Mode.OFF
    if message.enabled:
        schedule.departure_min = message.departure_time % _DAY_MIN
        schedule.off_peak_end_min = message.off_peak_hours_end_time % _DAY_MIN
        schedule.preconditioning = message.preconditioning_times.WhichOneof("times")
        schedule.off_peak = message.off_peak_charging_times.WhichOneof("times")
    _wait_anew(asked)


def _wait_anew(asked: Asked) -> None:
    if asked.car.schedule.due is not None:
        asked.car.schedule.wait(asked.car.unix_s)


def _add_charge(asked: Asked, message: common.ChargeSchedule) -> None:
    insist(asked.car.charge_schedules.put(message))


def _remove_charge(asked: Asked, message: car_server.RemoveChargeScheduleAction) -> None:
    insist(asked.car.charge_schedules.remove(message.id))


def _add_preconditioning(asked: Asked, message: common.PreconditionSchedule) -> None:
    insist(asked.car.preconditioning_schedules.put(message))


def _remove_preconditioning(asked: Asked, message: car_server.RemovePreconditionScheduleAction) -> None:
    insist(asked.car.preconditioning_schedules.remove(message.id))


def _clear_charge(asked: Asked, message: car_server.BatchRemoveChargeSchedulesAction) -> None:
    _clear(asked.car.charge_schedules, message)


def _clear_preconditioning(asked: Asked, message: car_server.BatchRemovePreconditionSchedulesAction) -> None:
    _clear(asked.car.preconditioning_schedules, message)


def _clear(
    book: Book[common.ChargeSchedule] | Book[common.PreconditionSchedule],
    message: car_server.BatchRemoveChargeSchedulesAction | car_server.BatchRemovePreconditionSchedulesAction,
) -> None:
    book.remove_at(home=message.home, work=message.work, other=message.other)


ROWS = (
    Row("scheduledChargingAction", CHARGERS, _charging),
    Row("scheduledDepartureAction", DRIVERS, _departure),
    Row("addChargeScheduleAction", CHARGERS, _add_charge),
    Row("removeChargeScheduleAction", CHARGERS, _remove_charge),
    Row("batchRemoveChargeSchedulesAction", CHARGERS, _clear_charge),
    Row("addPreconditionScheduleAction", DRIVERS, _add_preconditioning),
    Row("removePreconditionScheduleAction", DRIVERS, _remove_preconditioning),
    Row("batchRemovePreconditionSchedulesAction", DRIVERS, _clear_preconditioning),
)
