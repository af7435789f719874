"""Drive, location and tyres."""

from __future__ import annotations

from driveway_bridge.proto import vehicle
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.parts.charging import MILES_PER_PERCENT
from driveway_bridge.simulator.parts.drive import CITY_MPH, HOME, WORK, Gear
from driveway_bridge.simulator.states.stamp import stamp

_TYRES_BAR = {"fl": 2.9, "fr": 2.875, "rl": 2.95, "rr": 2.925}
RECOMMENDED_BAR = 2.9


def drive_state(car: Car) -> vehicle.DriveState:
    """Gear, speed, odometer; the route only when there is one, the speed only out of park."""
    drive = car.drive
    state = vehicle.DriveState(
        odometer_in_hundredths_of_a_mile=round(drive.odometer_mi * 100),
        power=round(drive.power_kw),
        timestamp=stamp(car),
    )
    getattr(state.shift_state, drive.gear.value).SetInParent()
    if drive.gear is not Gear.PARK:
        state.speed = round(drive.mph)
        state.speed_float = drive.mph
    if drive.route:
        miles = drive.miles_to_go
        state.active_route_destination = drive.route.destination
        state.active_route_miles_to_arrival = round(miles, 2)
        state.active_route_minutes_to_arrival = round(miles / CITY_MPH * 60, 1)
        state.active_route_traffic_minutes_delay = 0.0
        state.active_route_energy_at_arrival = round(max(0.0, car.charging.level - miles / MILES_PER_PERCENT), 1)
        state.active_route_coordinates.latitude = drive.route.latitude
        state.active_route_coordinates.longitude = drive.route.longitude
        state.last_route_update = int(car.unix_s)
        state.last_traffic_update.CopyFrom(stamp(car))
    return state


def location_state(car: Car) -> vehicle.LocationState:
    """Where it is; the name of the place only at home and at work."""
    drive = car.drive
    state = vehicle.LocationState(
        latitude=drive.latitude,
        longitude=drive.longitude,
        heading=drive.heading,
        gps_as_of=int(car.unix_s),
        native_location_supported=True,
        native_latitude=drive.latitude,
        native_longitude=drive.longitude,
        geo_latitude=drive.latitude,
        geo_longitude=drive.longitude,
        geo_heading=float(drive.heading),
        geo_elevation=34.0,
        geo_accuracy=4.0,
        estimated_gps_valid=True,
        estimated_to_raw_distance=1.5,
        timestamp=stamp(car),
    )
    state.native_type.WGS.SetInParent()
    if car.equipment.homelink:
        state.homelink_nearby = drive.near(HOME)
    for name, place in (("Home", HOME), ("Work", WORK)):
        if drive.near(place):
            state.location_name = name
    return state


def tire_state(car: Car) -> vehicle.TirePressureState:
    """Pressures, which are known since the last drive."""
    state = vehicle.TirePressureState(
        timestamp=stamp(car), tpms_rcp_front_value=RECOMMENDED_BAR, tpms_rcp_rear_value=RECOMMENDED_BAR
    )
    for wheel, bar in _TYRES_BAR.items():
        setattr(state, f"tpms_pressure_{wheel}", bar)
        setattr(state, f"tpms_hard_warning_{wheel}", False)
        setattr(state, f"tpms_soft_warning_{wheel}", False)
        getattr(state, f"tpms_last_seen_pressure_time_{wheel}").CopyFrom(stamp(car))
    return state
