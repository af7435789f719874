"""The bytes of requests, as published for quick tests of implementations, and the rest through the message classes."""

from __future__ import annotations

import hashlib

import pytest

from driveway_bridge.commands import (
    charging,
    climate,
    closures,
    homelink,
    keys,
    media,
    navigation,
    read,
    restrictions,
    schedules,
    seats,
    security,
    sentry,
    settings,
    signals,
    software,
)
from driveway_bridge.commands.base import Command
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.proto import Action, UnsignedMessage, car_server, vcsec
from driveway_bridge.protocol.domain import Domain

CLIENT = bytes.fromhex(
    "04b2b6bc68c2da0665ce656815594996c62394edd8bea905fe781a754fe6a845a7"
    "14330902f225e9269d466e05b349981fda9d85cc23c6fb444aa73b629105dc6e"
)
"""A published public key."""

PUBLISHED = [
    (security.status(), "0a00"),
    (security.drill(), "0a00"),
    (keys.keys_list(), "0a020805"),
    (keys.key_entry(0), "0a0408062000"),
    (security.unlock(), "1000"),
    (security.lock(), "1001"),
    (security.wake(), "101e"),
    (security.auto_secure(), "101d"),
    (closures.trunk_open(), "22022801"),
    (closures.trunk_close(), "22022804"),
    (closures.frunk_open(), "22023001"),
    (closures.charge_port_open_direct(), "22023803"),
    (closures.charge_port_close_direct(), "22023804"),
    (closures.tonneau_open(), "22024003"),
    (read.charge(), "12040a021200"),
    (read.climate(), "12040a021a00"),
    (read.drive(), "12040a022200"),
    (read.ping(), "1205f202020801"),
    (climate.climate_on(), "120452020801"),
    (climate.climate_off(), "12025200"),
    (charging.charge_start(), "120432021200"),
    (charging.charge_stop(), "120432022a00"),
    (charging.charge_limit(80), "12042a020850"),
    (charging.charge_amps(16), "1205da02020810"),
    (sentry.sentry_mode(on=True), "1205f201020801"),
    (signals.honk_horn(), "1203da0100"),
    (closures.charge_port_open(), "1203f20300"),
    (climate.climate_temperature(21.5), "1210720e2a021a00350000ac413d0000ac41"),
    (keys.key_remove(CLIENT), "82014512430a41" + CLIENT.hex()),
]


@pytest.mark.parametrize(("command", "published"), PUBLISHED, ids=[command.name for command, _ in PUBLISHED])
def test_requests_are_as_published(command: Command, published: str) -> None:
    parser = UnsignedMessage if command.domain is Domain.VEHICLE_SECURITY else Action
    assert parser.FromString(command.payload) == parser.FromString(bytes.fromhex(published))
    assert len(command.payload) == len(published) // 2


def test_an_enrolment_request_is_as_published() -> None:
    published = bytes.fromhex("0a54125082014d2a470a430a41" + CLIENT.hex() + "2003320208091802")
    assert keys.enrolment_request(CLIENT, "driver", "cloud_key") == published
    assert keys.enrolment_request(CLIENT) == published


def test_a_key_is_added_with_role_and_kind() -> None:
    command = keys.key_add(CLIENT, "charging_manager", "nfc_card")
    operation = UnsignedMessage.FromString(command.payload).WhitelistOperation
    change = operation.addKeyToWhitelistAndAddPermissions
    assert (change.key.PublicKeyRaw, change.keyRole) == (CLIENT, 6)
    assert operation.metadataForKey.keyFormFactor == vcsec.KEY_FORM_FACTOR_NFC_CARD
    assert command.authenticated


def test_a_key_is_named_as_the_car_does() -> None:
    assert keys.key_id(CLIENT).hex() == "3fb59233d206d091f6fdacdd4f07c8399aa2e0e2"
    assert keys.key_id(CLIENT) == hashlib.sha1(CLIENT).digest()


@pytest.mark.parametrize("public_key", [b"", CLIENT[:-1], CLIENT + b"\0", b"\x02" + CLIENT[1:]])
def test_an_impossible_key_is_not_sent(public_key: bytes) -> None:
    for build in (keys.key_remove, keys.enrolment_request, lambda key: keys.key_add(key, "driver")):
        with pytest.raises(NotAdmitted) as caught:
            build(public_key)
        assert caught.value.reason == "bad_arguments"


def action(command: Command) -> car_server.VehicleAction:
    assert command.domain is Domain.INFOTAINMENT
    return Action.FromString(command.payload).vehicleAction


def test_both_temperatures_can_differ() -> None:
    sent = action(climate.climate_temperature(19.5, 23)).hvacTemperatureAdjustmentAction
    assert (sent.driver_temp_celsius, sent.passenger_temp_celsius) == (19.5, 23)


@pytest.mark.parametrize(
    ("mode", "on", "fan_only"), [("off", False, False), ("on", True, False), ("fan_only", True, True)]
)
def test_overheat_protection_has_three_modes(mode: str, on: bool, fan_only: bool) -> None:
    sent = action(climate.overheat_protection(mode)).setCabinOverheatProtectionAction
    assert (sent.on, sent.fan_only) == (on, fan_only)


def test_modes_and_levels_have_the_cars_numbers() -> None:
    keepers = [action(climate.climate_keeper(mode)).hvacClimateKeeperAction for mode in ("off", "on", "dog", "camp")]
    assert [keeper.ClimateKeeperAction for keeper in keepers] == [0, 1, 2, 3]
    levels = [action(climate.overheat_temperature(level)).setCopTempAction for level in ("low", "medium", "high")]
    assert [level.copActivationTemp for level in levels] == [1, 2, 3]
    wheel = [action(seats.wheel_heat_level(level)).stwHeatLevelAction for level in ("off", "low", "high")]
    assert [level.stw_heat_level for level in wheel] == [1, 2, 3]


def test_seats_are_heated_by_empty_messages_and_cooled_by_numbers_one_higher() -> None:
    [heater] = action(seats.seat_heat("rear_center", "high")).hvacSeatHeaterActions.hvacSeatHeaterAction
    assert heater.WhichOneof("seat_position") == "CAR_SEAT_REAR_CENTER"
    assert heater.WhichOneof("seat_heater_level") == "SEAT_HEATER_HIGH"
    [cooler] = action(seats.seat_cooling("front_right", "low")).hvacSeatCoolerActions.hvacSeatCoolerAction
    assert (cooler.seat_position, cooler.seat_cooler_level) == (2, 2)
    [seat] = action(seats.seat_automatic("front_left", on=True)).autoSeatClimateAction.carseat
    assert (seat.seat_position, seat.on) == (1, True)


def test_every_seat_has_its_own_message() -> None:
    positions = set()
    for seat in seats.HEATED_SEAT.choices:
        [heater] = action(seats.seat_heat(seat, "off")).hvacSeatHeaterActions.hvacSeatHeaterAction
        positions.add(heater.WhichOneof("seat_position"))
    assert len(positions) == 9


def test_each_door_moves_itself_and_nothing_else() -> None:
    for build, move in (
        (closures.door_open, vcsec.CLOSURE_MOVE_TYPE_OPEN),
        (closures.door_close, vcsec.CLOSURE_MOVE_TYPE_CLOSE),
    ):
        moved = []
        for door in closures.DOOR.choices:
            request = UnsignedMessage.FromString(build(door).payload).closureMoveRequest
            [(field, kind)] = request.ListFields()
            assert kind == move
            moved.append(field.name)
        assert moved == ["frontDriverDoor", "frontPassengerDoor", "rearDriverDoor", "rearPassengerDoor"]


def test_volume_steps_differ_in_their_sign() -> None:
    assert action(media.media_volume_up()).mediaUpdateVolume.volume_delta == 1
    assert action(media.media_volume_down()).mediaUpdateVolume.volume_delta == -1
    assert action(media.media_volume(0)).mediaUpdateVolume.WhichOneof("media_volume") == "volume_absolute_float"


def test_a_charging_schedule() -> None:
    command = schedules.charge_schedule_add(
        schedule_id=1_700_000_000,
        latitude=48.1,
        longitude=11.6,
        start_minutes=0,
        days=["monday", "sunday"],
        name="Nacht",
    )
    sent = action(command).addChargeScheduleAction
    assert (sent.id, sent.name, sent.days_of_week) == (1_700_000_000, "Nacht", 3)
    assert (sent.start_enabled, sent.start_time, sent.end_enabled) == (True, 0, False)
    assert sent.enabled
    assert not sent.one_time
    assert sent.latitude == pytest.approx(48.1)


def test_a_charging_schedule_needs_a_time() -> None:
    with pytest.raises(NotAdmitted) as caught:
        schedules.charge_schedule_add(schedule_id=1, latitude=0, longitude=0)
    assert "start_minutes" in caught.value.detail


def test_a_preconditioning_schedule_is_for_every_day_unless_told() -> None:
    command = schedules.precondition_schedule_add(schedule_id=5, latitude=1, longitude=2, ready_minutes=450)
    sent = action(command).addPreconditionScheduleAction
    assert (sent.precondition_time, sent.days_of_week) == (450, 127)


def test_a_departure_leaves_out_what_is_off() -> None:
    plain = action(schedules.scheduled_departure(on=True, departure_minutes=420)).scheduledDepartureAction
    assert not plain.HasField("preconditioning_times")
    assert not plain.HasField("off_peak_charging_times")
    command = schedules.scheduled_departure(
        on=True, departure_minutes=420, preconditioning="weekdays", off_peak_charging="all_week", off_peak_end_minutes=5
    )
    full = action(command).scheduledDepartureAction
    assert full.preconditioning_times.WhichOneof("times") == "weekdays"
    assert full.off_peak_charging_times.WhichOneof("times") == "all_week"
    assert full.off_peak_hours_end_time == 5


def test_places_and_destinations() -> None:
    door = action(homelink.homelink(48.5, 11.5)).vehicleControlTriggerHomelinkAction
    assert (door.location.latitude, door.location.longitude) == (48.5, 11.5)
    point = action(navigation.navigate_to_point(48.5, 11.5)).navigationGpsRequest
    assert (point.lat, point.lon, point.order) == (48.5, 11.5, 1)
    assert action(navigation.navigate("Marienplatz 1, München")).navigationRequest.destination.endswith("München")
    assert action(navigation.navigate_to_supercharger(77)).navigationSuperchargerRequest.id == 77


def test_a_pin_is_needed_to_switch_on_and_not_to_switch_off() -> None:
    for build in (restrictions.valet_mode, restrictions.pin_to_drive):
        with pytest.raises(NotAdmitted, match=r"arguments") as caught:
            build(on=True)
        assert caught.value.detail.startswith("pin is missing")
    sent = action(restrictions.valet_mode(on=True, pin="0042")).vehicleControlSetValetModeAction
    assert (sent.on, sent.password) == (True, "0042")
    assert not action(restrictions.valet_mode(on=False)).vehicleControlSetValetModeAction.password


def test_an_update_waits_as_long_as_told() -> None:
    sent = action(software.update_schedule(7200)).vehicleControlScheduleSoftwareUpdateAction
    assert sent.offset_sec == 7200


def test_a_guest_and_a_name() -> None:
    assert action(restrictions.guest_mode(on=True)).guestModeAction.GuestModeActive
    assert action(restrictions.guest_mode(on=False)).HasField("guestModeAction")
    assert action(settings.vehicle_name("Kitt")).setVehicleNameAction.vehicleName == "Kitt"
