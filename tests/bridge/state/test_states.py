"""States as the car tells them: what it does not say is None, zero is zero, and nothing from the future breaks."""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.proto import DecodeError, VehicleStatus, car_server, common, vcsec, vehicle
from driveway_bridge.state.body import Body, ClosureState
from driveway_bridge.state.charge import (
    Cable,
    Charge,
    ChargingState,
    Days,
    FastCharger,
    LimitReason,
    PlannedMode,
    PowershareStop,
    Solar,
)
from driveway_bridge.state.climate import Climate, Defrost, Keeper, OverheatTemperature, WheelHeat
from driveway_bridge.state.closures import Closures, Sentry, SunRoof
from driveway_bridge.state.drive import Drive, Gear
from driveway_bridge.state.keys import FormFactor, KeyEntry, KeyList, Role
from driveway_bridge.state.location import CoordinateSystem, Location, Position
from driveway_bridge.state.media import Media, MediaDetail, Playback, Source
from driveway_bridge.state.nearby import NearbySites, Pong
from driveway_bridge.state.parental_controls import ParentalControls
from driveway_bridge.state.reading import MAX_TEXT, State, clean, snake, wires
from driveway_bridge.state.schedules import ChargeSchedules, Day, PreconditionSchedules
from driveway_bridge.state.software import SoftwareUpdate, UpdateStatus
from driveway_bridge.state.tyres import Tyres
from tests.bridge.state.test_wire import MESSAGES

VOID = common.Void()


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_an_empty_answer_says_nothing(cls: type[State]) -> None:
    message = MESSAGES[cls]
    if not hasattr(message, "FromString"):
        message = type(vehicle.ChargeState().managed_charging_state)
    state = cls.from_message(message())
    for name, wire in wires(cls):
        value = getattr(state, name)
        assert value is None if wire.presence else value in (0, "", False, ())


def test_zero_is_not_nothing() -> None:
    charge = Charge.from_message(vehicle.ChargeState(battery_level=0, charger_voltage=0, charge_port_door_open=False))
    assert (charge.battery_percent, charge.volts, charge.port_open) == (0, 0, False)
    assert charge.amps is None
    climate = Climate.from_message(vehicle.ClimateState(inside_temp_celsius=0.0, seat_heater_left=0))
    assert (climate.inside_celsius, climate.front_left_seat_heat) == (0.0, 0)


def test_a_charging_car() -> None:
    """Pain 124."""
    message = vehicle.ChargeState(
        charging_state=vehicle.ChargeState.ChargingState(Charging=VOID),
        fast_charger_type=vehicle.ChargeState.ChargerType(ACSingleWireCAN=VOID),
        conn_charge_cable=vehicle.ChargeState.CableType(GB_AC=VOID),
        preconditioning_times=common.PreconditioningTimes(weekdays=VOID),
        scheduled_departure_time=Timestamp(seconds=1_700_000_000, nanos=500_000_000),
        battery_level=63,
        battery_range=201.25,
        charge_energy_added=4.5,
        scheduled_charging_mode=vehicle.ChargeState.ScheduledChargingModeDepartBy,
        charge_limit_reason=vehicle.ChargeState.ChargeLimitReasonBattTempLow,
        powershare_stop_reason=vehicle.ChargeState.PowershareStopReasonSOCTooLow,
        outlet_time_remaining=90,
        home_location=common.LatLong(latitude=48.5, longitude=11.5),
    )
    message.managed_charging_state.charge_on_solar_state.charging_on_excess_solar.SetInParent()
    charge = Charge.from_message(vehicle.ChargeState.FromString(message.SerializeToString()))
    assert charge.charging is ChargingState.CHARGING
    assert charge.fast_charger is FastCharger.AC_SINGLE_WIRE_CAN
    assert charge.cable is Cable.GB_AC
    assert charge.preconditioning_days is Days.WEEKDAYS
    assert charge.planned_departure == 1_700_000_000.5
    assert (charge.battery_percent, charge.range_miles, charge.energy_added_kwh) == (63, 201.25, 4.5)
    assert charge.planned_mode is PlannedMode.DEPART_BY
    assert charge.limit_reason is LimitReason.BATT_TEMP_LOW
    assert charge.powershare_stop is PowershareStop.SOC_TOO_LOW
    assert charge.outlet_seconds_left == 90
    assert charge.home is not None
    assert (charge.home.latitude, charge.home.longitude) == (48.5, 11.5)
    assert charge.work is None
    assert charge.managed_charging is not None
    assert charge.managed_charging.solar is Solar.CHARGING_ON_EXCESS_SOLAR


def test_what_is_not_available_is_not_known() -> None:
    message = vehicle.ChargeState(
        charging_state=vehicle.ChargeState.ChargingState(Unknown=VOID),
        conn_charge_cable=vehicle.ChargeState.CableType(SNA=VOID),
        fast_charger_type=vehicle.ChargeState.ChargerType(SNA=VOID),
        fast_charger_brand=vehicle.ChargeState.ChargerBrand(),
        charge_limit_reason=vehicle.ChargeState.ChargeLimitReasonUnknown,
    )
    charge = Charge.from_message(message)
    assert (charge.charging, charge.cable, charge.fast_charger, charge.limit_reason) == (None,) * 4
    assert charge.fast_charger_brand is None


def test_a_warm_cabin() -> None:
    climate = Climate.from_message(
        vehicle.ClimateState(
            climate_keeper_mode=vehicle.ClimateState.ClimateKeeperMode(Party=VOID),
            defrost_mode=vehicle.ClimateState.DefrostMode(Max=VOID),
            inside_temp_celsius=21.5,
            steering_wheel_heat_level=common.StwHeatLevel_High,
            cop_activation_temperature=vehicle.ClimateState.CopActivationTempLow,
        )
    )
    assert climate.keeper is Keeper.CAMP
    assert climate.defrost is Defrost.MAX
    assert climate.inside_celsius == 21.5
    assert climate.wheel_heat_level is WheelHeat.HIGH
    assert climate.overheat_temperature is OverheatTemperature.LOW
    assert Climate.from_message(vehicle.ClimateState(steering_wheel_heat_level=0)).wheel_heat_level is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shift", "gear"),
    [
        ({"P": VOID}, Gear.PARK),
        ({"R": VOID}, Gear.REVERSE),
        ({"N": VOID}, Gear.NEUTRAL),
        ({"D": VOID}, Gear.DRIVE),
        ({"Invalid": VOID}, None),
        ({"SNA": VOID}, None),
        ({}, None),
    ],
)
def test_only_park_is_park(shift: dict[str, common.Void], gear: Gear | None) -> None:
    message = vehicle.DriveState(shift_state=vehicle.ShiftState(**shift))
    assert Drive.from_message(message).gear is gear
    assert Drive.from_message(vehicle.DriveState()).gear is None


def test_a_car_on_its_way() -> None:
    drive = Drive.from_message(
        vehicle.DriveState(
            speed_float=31.5,
            power=-12,
            odometer_in_hundredths_of_a_mile=1_234_567,
            active_route_destination="Café\nam Eck\x00",
            active_route_coordinates=common.LatLong(latitude=1, longitude=2),
        )
    )
    assert (drive.speed_mph, drive.power_kw, drive.odometer_miles) == (31.5, -12, 12345.67)
    assert drive.route_destination == "Café am Eck"
    assert drive.route_place is not None


@pytest.mark.parametrize(
    ("message", "position"),
    [
        (vehicle.LocationState(), None),
        (vehicle.LocationState(latitude=48.5), None),
        (vehicle.LocationState(latitude=48.5, longitude=11.5), Position(48.5, 11.5, CoordinateSystem.WGS)),
        (
            vehicle.LocationState(
                latitude=1,
                longitude=1,
                native_latitude=31.25,
                native_longitude=121.5,
                native_type=vehicle.LocationState.GPSCoordinateType(GCJ=VOID),
            ),
            Position(31.25, 121.5, CoordinateSystem.GCJ),
        ),
        (vehicle.LocationState(native_latitude=1, native_longitude=2), Position(1, 2, None)),
        (
            vehicle.LocationState(corrected_latitude=31.25, corrected_longitude=121.5),
            Position(31.25, 121.5, CoordinateSystem.GCJ),
        ),
        (
            vehicle.LocationState(latitude=2, longitude=3, corrected_latitude=31.25, corrected_longitude=121.5),
            Position(2, 3, CoordinateSystem.WGS),
        ),
        (vehicle.LocationState(geo_latitude=5, geo_longitude=6), None),
        (
            vehicle.LocationState(native_latitude=math.nan, native_longitude=2, latitude=0, longitude=0),
            Position(0, 0, CoordinateSystem.WGS),
        ),
        (vehicle.LocationState(latitude=91, longitude=0), None),
        (vehicle.LocationState(latitude=0, longitude=-180.5), None),
    ],
)
def test_which_position_counts(message: vehicle.LocationState, position: Position | None) -> None:
    assert Location.from_message(message).position == position


def test_doors_windows_and_guards() -> None:
    closures = Closures.from_message(
        vehicle.ClosuresState(
            door_open_trunk_rear=True,
            window_open_driver_front=False,
            tonneau_state=vcsec.CLOSURESTATE_OPENING,
            sentry_mode_state=vehicle.ClosuresState.SentryModeState(Armed=VOID),
            sun_roof_state=vehicle.ClosuresState.SunRoofState(Vent=VOID),
            speed_limit_mode=vehicle.SpeedLimitMode(active=False, current_limit_mph=80),
        )
    )
    assert (closures.rear_trunk_open, closures.front_trunk_open) == (True, None)
    assert closures.tonneau is ClosureState.OPENING
    assert (closures.sentry, closures.sun_roof) == (Sentry.ARMED, SunRoof.VENT)
    assert closures.speed_limit is not None
    assert (closures.speed_limit.active, closures.speed_limit.limit_mph) == (False, 80)
    assert closures.window_open is None, "three of the windows are not known"


def test_tyres_music_updates_and_children() -> None:
    tyres = Tyres.from_message(
        vehicle.TirePressureState(tpms_pressure_fl=2.5, tpms_last_seen_pressure_time_fl=Timestamp(seconds=7))
    )
    assert (tyres.front_left_bar, tyres.front_left_seen, tyres.rear_left_bar) == (2.5, 7.0, None)
    media = Media.from_message(
        vehicle.MediaState(
            media_playback_status=common.Paused,
            now_playing_source=vehicle.MediaSourceType_QQMusic2,
            now_playing_title="",
        )
    )
    assert (media.playback, media.source, media.title, media.artist) == (Playback.PAUSED, Source.QQ_MUSIC, "", None)
    detail = MediaDetail.from_message(vehicle.MediaDetailState(now_playing_duration=185_500))
    assert detail.duration_seconds == 185.5
    update = SoftwareUpdate.from_message(
        vehicle.SoftwareUpdateState(
            status=vehicle.SoftwareUpdateState.SoftwareUpdateStatus(DownloadingWifiWait=VOID),
            scheduled_time_ms=1_700_000_000_500,
            download_perc=0,
        )
    )
    assert update.status is UpdateStatus.DOWNLOADING_WIFI_WAIT
    assert (update.scheduled_at, update.download_percent) == (1_700_000_000.5, 0)
    controls = ParentalControls.from_message(
        vehicle.ParentalControlsState(
            parental_controls_active=True,
            parental_controls_settings=vehicle.ParentalControlsSettings(curfew_enabled=False, curfew_start_time=1320),
        )
    )
    assert controls.settings is not None
    assert (controls.active, controls.settings.curfew, controls.settings.curfew_start_minutes) == (True, False, 1320)


def test_schedules_are_whole_entries() -> None:
    entry = common.ChargeSchedule(id=1_700_000_000, days_of_week=65, start_enabled=True, name="Nacht", enabled=True)
    answer = ChargeSchedules.from_message(vehicle.ChargeScheduleState(charge_schedules=[entry, entry]))
    assert len(answer.entries) == 2
    schedule = answer.entries[0]
    assert (schedule.id, schedule.name, schedule.start_minutes, schedule.end_enabled) == (
        1_700_000_000,
        "Nacht",
        0,
        False,
    )
    assert schedule.days == (Day.SUNDAY, Day.SATURDAY)
    assert answer.window is None
    warm = common.PreconditionSchedule(days_of_week=-1, precondition_time=450)
    warm_answer = PreconditionSchedules.from_message(
        vehicle.PreconditioningScheduleState(preconditioning_schedule_window=warm)
    )
    assert warm_answer.window is not None
    assert warm_answer.window.ready_minutes == 450
    assert warm_answer.window.days == tuple(Day)


def test_keys() -> None:
    info = vcsec.WhitelistInfo(
        numberOfEntries=2,
        whitelistEntries=[vcsec.KeyIdentifier(publicKeySHA1=b"\x3f\xb5\x92\x33")],
        slotMask=0x80000001,
    )
    listed = KeyList.from_message(info)
    assert (listed.count, listed.slots) == (2, (0, 31))
    assert listed.holds(bytes.fromhex("3fb59233d206d091f6fdacdd4f07c8399aa2e0e2"))
    assert not listed.holds(bytes(20))
    assert not KeyList(ids=(b"",)).holds(bytes(20)), "an empty id names nobody"
    message = vcsec.WhitelistEntryInfo(slot=3, keyRole=6)  # type: ignore[arg-type]
    assert KeyEntry.from_message(message) == KeyEntry(slot=3, role=Role.CHARGING_MANAGER)
    message.metadataForKey.keyFormFactor = vcsec.KEY_FORM_FACTOR_CLOUD_KEY
    message.publicKey.PublicKeyRaw = b"\x04" + bytes(64)
    entry = KeyEntry.from_message(message)
    assert (entry.form_factor, len(entry.public_key)) == (FormFactor.CLOUD_KEY, 65)
    message.keyRole = 99  # type: ignore[assignment]
    message.metadataForKey.keyFormFactor = 99  # type: ignore[assignment]
    entry = KeyEntry.from_message(vcsec.WhitelistEntryInfo.FromString(message.SerializeToString()))
    assert (entry.role, entry.form_factor) == (None, None)


def test_places_near_and_a_pong() -> None:
    site = car_server.Superchargers(name="Rasthof", distance_miles=math.nan, total_stalls=8, location=common.LatLong())
    sites = NearbySites.from_message(car_server.NearbyChargingSites(superchargers=[site]))
    [found] = sites.superchargers
    assert (found.name, found.distance_miles, found.total_stalls, found.available_stalls) == ("Rasthof", None, 8, 0)
    assert found.place is not None
    pong = Pong.from_message(car_server.Ping(ping_id=4, local_timestamp=Timestamp(seconds=5)))
    assert (pong.id, pong.local, pong.last_remote) == (4, 5.0, None)


def test_the_body_tells_closed_from_unknown() -> None:
    asleep = Body.from_message(VehicleStatus.FromString(bytes.fromhex("100118022001")))
    assert (asleep.rear_trunk, asleep.asleep) == (None, True)
    awake = Body.from_message(VehicleStatus.FromString(bytes.fromhex("0a0018012002")))
    assert (awake.rear_trunk, awake.locked, awake.user_present) == (ClosureState.CLOSED, False, True)
    odd = Body.from_message(VehicleStatus.FromString(bytes.fromhex("0a022803106318632063")))
    assert (odd.rear_trunk, odd.locked, odd.asleep, odd.user_present) == (None, None, None, None)


# The future and rubbish -----------------------------------------------------------------------------------------------


def test_members_and_fields_from_the_future() -> None:
    """Pain 71."""
    known = vehicle.ChargeState(battery_level=50).SerializeToString()
    future = bytes.fromhex("a20905") + b"hello"  # field 148 with another type
    new_kind = bytes.fromhex("0a03f20600")  # charging_state with a member that is not known
    new_number = bytes.fromhex("d80963")  # charge_port_color 99
    new_field = bytes.fromhex("c0fa3f01")  # field 130,952
    charge = Charge.from_message(vehicle.ChargeState.FromString(known + future + new_kind + new_number + new_field))
    assert charge == Charge(battery_percent=50)


def test_text_is_fit_for_one_line() -> None:
    assert clean(" a\tb\x1b[0m\u202ec ") == "a b [0m c"
    assert len(clean("x" * 1000)) == MAX_TEXT


def test_numbers_that_are_none() -> None:
    climate = Climate.from_message(
        vehicle.ClimateState(inside_temp_celsius=math.nan, outside_temp_celsius=-math.inf, driver_temp_setting=21)
    )
    assert (climate.inside_celsius, climate.outside_celsius, climate.driver_celsius) == (None, None, 21)


def test_words_are_split_where_people_would() -> None:
    names = ("NoPower", "SOCTooLow", "DownloadingWifiWait", "GB_AC", "SNA", "charging_on_anything")
    assert [snake(name) for name in names] == [
        "no_power",
        "soc_too_low",
        "downloading_wifi_wait",
        "gb_ac",
        "sna",
        "charging_on_anything",
    ]


@given(cls=st.sampled_from(sorted(MESSAGES, key=lambda cls: cls.__name__)), data=st.binary(max_size=300))
def test_whatever_can_be_parsed_can_be_read(cls: type[State], data: bytes) -> None:
    message = MESSAGES[cls]
    if not hasattr(message, "FromString"):
        return
    try:
        parsed = message.FromString(data)
    except DecodeError:
        return
    state = cls.from_message(parsed)
    for name, _ in wires(cls):
        value = getattr(state, name)
        assert not isinstance(value, float) or math.isfinite(value)
    assert hash(state) == hash(cls.from_message(parsed))


@given(data=st.data())
def test_any_values_of_the_right_types_can_be_read(data: st.DataObject) -> None:
    """Numbers and enumeration members of any size, and only some of the fields."""
    message = vehicle.ChargeState()
    drawn: list[Any] = data.draw(st.lists(st.sampled_from(list(vehicle.ChargeState.DESCRIPTOR.fields)), max_size=20))
    for field in drawn:
        if field.type == field.TYPE_FLOAT:
            setattr(message, field.name, data.draw(st.floats(width=32)))
        elif field.type in (field.TYPE_INT32, field.TYPE_ENUM):
            setattr(message, field.name, data.draw(st.integers(-(2**31), 2**31 - 1)))
        elif field.message_type is not None and field.message_type.fields:
            inner = data.draw(st.sampled_from(list(field.message_type.fields)))
            if inner.message_type is not None:
                getattr(getattr(message, field.name), inner.name).SetInParent()
    charge = Charge.from_message(vehicle.ChargeState.FromString(message.SerializeToString()))
    if message.HasField("battery_level"):
        assert charge.battery_percent == message.battery_level
