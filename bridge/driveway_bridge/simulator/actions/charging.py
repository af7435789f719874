"""Charging: start, stop, limit, amps, the port."""

from __future__ import annotations

from driveway_bridge.proto import car_server
from driveway_bridge.simulator.actions.row import CHARGERS, DRIVERS, Asked, RefusedError, Row, insist
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.parts.charging import LIMIT_MAX, LIMIT_STANDARD
from driveway_bridge.simulator.parts.lids import CLOSED


def _limit(asked: Asked, message: car_server.ChargingSetLimitAction) -> None:
    insist(asked.car.charging.set_limit(message.percent))


def _start_stop(asked: Asked, message: car_server.ChargingStartStopAction) -> None:
    charging = asked.car.charging
    match message.WhichOneof("charging_action"):
        case "start":
            insist(charging.start())
            asked.car.schedule.due = None
        case "stop":
            reason = charging.stop()
            other_word = asked.faults.strikes(Fault.IS_NOT_CHARGING)
            insist("is_not_charging" if reason and other_word else reason)
        case "start_standard":
            if charging.set_limit(LIMIT_STANDARD):
                raise RefusedError("already_standard")
        case "start_max_range":
            if charging.set_limit(LIMIT_MAX):
                raise RefusedError("already_max_range")
        case _:
            raise RefusedError("invalid_command")


def _amps(asked: Asked, message: car_server.SetChargingAmpsAction) -> None:
    if not asked.faults.strikes(Fault.AMPS_IGNORED):
        asked.car.charging.set_amps(message.charging_amps)


def _open_port(asked: Asked, _message: car_server.ChargePortDoorOpen) -> None:
    asked.car.open_charge_port(asked.by)


def _close_port(asked: Asked, _message: car_server.ChargePortDoorClose) -> None:
    if not asked.car.charging.cable:  # with a cable in it, it is acknowledged and stays open
        asked.car.drive_lid("charge_port", CLOSED, asked.by)


ROWS = (
    Row("chargingSetLimitAction", CHARGERS, _limit),
    Row("chargingStartStopAction", CHARGERS, _start_stop),
    Row("setChargingAmpsAction", CHARGERS, _amps),
    Row("chargePortDoorOpen", DRIVERS, _open_port),
    Row("chargePortDoorClose", DRIVERS, _close_port),
)
