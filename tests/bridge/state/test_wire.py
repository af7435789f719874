"""Every field of every state against the message definitions: it exists, it is of the kind that the reader expects."""

from __future__ import annotations

import dataclasses
import re
from enum import StrEnum
from functools import partial
from typing import Any, get_args, get_type_hints

import pytest

from driveway_bridge.commands import schedules as schedule_commands
from driveway_bridge.commands.infotainment import SUBJECTS
from driveway_bridge.proto import car_server, common, vehicle
from driveway_bridge.state import (
    charge,
    climate,
    closures,
    drive,
    location,
    media,
    nearby,
    parental_controls,
    schedules,
    software,
    tyres,
)
from driveway_bridge.state.reading import State, Wire, snake, wires

MESSAGES: dict[type[State], Any] = {
    charge.Charge: vehicle.ChargeState,
    charge.ManagedCharging: vehicle.ChargeState.DESCRIPTOR.fields_by_name["managed_charging_state"].message_type,
    climate.Climate: vehicle.ClimateState,
    closures.Closures: vehicle.ClosuresState,
    closures.SpeedLimit: vehicle.SpeedLimitMode,
    drive.Drive: vehicle.DriveState,
    location.Location: vehicle.LocationState,
    location.Place: common.LatLong,
    media.Media: vehicle.MediaState,
    media.MediaDetail: vehicle.MediaDetailState,
    nearby.NearbySites: car_server.NearbyChargingSites,
    nearby.Pong: car_server.Ping,
    nearby.Supercharger: car_server.Superchargers,
    parental_controls.ParentalControls: vehicle.ParentalControlsState,
    parental_controls.ParentalSettings: vehicle.ParentalControlsSettings,
    schedules.ChargeSchedule: common.ChargeSchedule,
    schedules.ChargeSchedules: vehicle.ChargeScheduleState,
    schedules.PreconditionSchedule: common.PreconditionSchedule,
    schedules.PreconditionSchedules: vehicle.PreconditioningScheduleState,
    software.SoftwareUpdate: vehicle.SoftwareUpdateState,
    tyres.Tyres: vehicle.TirePressureState,
}
FIELDS = [(cls, name, wire) for cls in MESSAGES for name, wire in wires(cls)]
EACH = pytest.mark.parametrize(("cls", "name", "wire"), FIELDS, ids=[f"{c.__name__}.{n}" for c, n, _ in FIELDS])
INTEGERS = {3, 4, 5, 13, 17, 18}
FLOATS = {1, 2}


def descriptor(cls: type[State]) -> Any:
    message = MESSAGES[cls]
    return getattr(message, "DESCRIPTOR", message)


@EACH
def test_a_field_is_what_the_definitions_say(cls: type[State], name: str, wire: Wire) -> None:
    field = descriptor(cls).fields_by_name[wire.name]
    kinds = {
        "integer": field.type in INTEGERS and not field.is_repeated,
        "number": field.type in FLOATS | INTEGERS,
        "flag": field.type == field.TYPE_BOOL,
        "text": field.type == field.TYPE_STRING,
        "moment": field.message_type is not None and field.message_type.full_name == "google.protobuf.Timestamp",
        "choice": field.message_type is not None and len(field.message_type.oneofs) == 1,
        "numbered": field.enum_type is not None,
        "nested": field.message_type is not None and not field.is_repeated,
        "each": field.message_type is not None and field.is_repeated,
    }
    assert kinds[wire.kind]
    assert field.has_presence == wire.presence or wire.kind == "each"
    if wire.kind == "number" and field.type in INTEGERS:
        assert isinstance(wire.convert, partial), "a whole number with another unit"


@EACH
def test_a_field_that_can_be_absent_can_be_none(cls: type[State], name: str, wire: Wire) -> None:
    hint = get_type_hints(cls, vars(__import__(cls.__module__, fromlist=["x"])))[name]
    optional = type(None) in get_args(hint)
    assert optional == (wire.presence or wire.kind == "number")


def words_of(field: Any, wire: Wire) -> tuple[set[str], set[str]]:
    """The words that the definitions give, and those that are ours."""
    convert = wire.convert
    assert isinstance(convert, partial)
    if wire.kind == "choice":
        meanings, other = convert.args
        defined = {member.name for member in field.message_type.fields}
        assert set(other) <= defined
        return {snake(name) for name in defined - set(other)} | {str(word) for word in other.values()}, set(meanings)
    [mapping] = convert.args
    numbers = {value.number: value.name for value in field.enum_type.values}
    assert set(mapping) <= set(numbers), "only numbers that are defined"
    for number, word in mapping.items():
        squeezed = re.sub(r"\d+$", "", numbers[number].replace("_", "").lower())
        assert squeezed.endswith(word.replace("_", "")), (numbers[number], word)
    return {mapping[number] for number in mapping}, set(mapping.values())


@EACH
def test_words_are_those_of_the_definitions(cls: type[State], name: str, wire: Wire) -> None:
    if wire.kind not in ("choice", "numbered"):
        return
    defined, ours = words_of(descriptor(cls).fields_by_name[wire.name], wire)
    assert ours <= defined
    assert defined - ours <= {"unknown", "invalid", "sna", "None"}, "only what says nothing has no word"


def test_the_published_fields_are_read() -> None:
    """What is not read is not in the maker's public definitions, or stands elsewhere."""
    unread = {
        cls.__name__: {field.name for field in descriptor(cls).fields} - {wire.name for _, wire in wires(cls)}
        for cls in MESSAGES
    }
    assert not unread["ParentalControls"]
    assert not unread["ChargeSchedules"]
    assert not unread["PreconditionSchedules"]
    assert not unread["Media"]
    for cls, known_numbers in (
        (charge.Charge, set(range(104, 179)) | {1, 2, 3, 28, 31, 35, 44, 45, 46}),
        (climate.Climate, set(range(101, 152)) | {30, 33, 35}),
        (location.Location, {8, *range(11, 121)}),
        (drive.Drive, {1, 4, 7, 8, 9, 10, 11, 12, 14, 15, 102, 103, 105, 106}),
        (closures.Closures, {11, 15, 19, 22, 23, 24, 25, *range(101, 121), 2000}),
        (tyres.Tyres, set(range(1, 20))),
        (software.SoftwareUpdate, {1, *range(102, 109)}),
        (media.MediaDetail, set(range(1, 8))),
        (parental_controls.ParentalSettings, set(range(1, 10))),
    ):
        numbers = {field.name: field.number for field in descriptor(cls).fields}
        assert not {name for name in unread[cls.__name__] if numbers[name] in known_numbers}


def test_every_subject_has_its_class_and_its_part() -> None:
    for subject in SUBJECTS:
        assert subject.load() in MESSAGES
        assert vehicle.VehicleData.DESCRIPTOR.fields_by_name[subject.part].message_type is descriptor(subject.load())
        assert subject.request in car_server.GetVehicleData.DESCRIPTOR.fields_by_name


def test_states_are_frozen_values() -> None:
    for cls in MESSAGES:
        assert dataclasses.is_dataclass(cls)
        assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert "__dict__" not in dir(cls), cls


def test_words_that_commands_take_are_words_that_states_tell() -> None:
    def words(enum: type[StrEnum]) -> tuple[str, ...]:
        return tuple(enum)

    from driveway_bridge.commands import climate as climate_commands
    from driveway_bridge.commands import restrictions, seats

    assert words(schedules.Day) == schedule_commands.DAYS
    assert {*schedule_commands.WHEN} == {"off", *words(charge.Days)}
    assert climate_commands.KEEPER.choices == words(climate.Keeper)
    assert climate_commands.OVERHEAT_MODE.choices == words(climate.OverheatProtection)
    assert climate_commands.OVERHEAT_LEVEL.choices == words(climate.OverheatTemperature)
    assert seats.WHEEL_LEVEL.choices == words(climate.WheelHeat)
    names = {name for name, _ in wires(climate.Climate)}
    assert {f"{seat}_seat_heat" for seat in seats.HEATED_SEAT.choices} <= names
    assert {f"{seat}_seat_cooling" for seat in seats.FRONT_SEAT.choices} <= names
    shown = {name for name, _ in wires(parental_controls.ParentalSettings)}
    assert {restrictions._SHOWN_AS.get(word, word) for word in restrictions.SETTING.choices} <= shown
