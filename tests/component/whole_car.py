"""A car that has everything and tells of all of it, on an afternoon at the charger."""

from typing import Any

from tests.component.fake_bridge import ANNA, FakeBridge

EVERYTHING: dict[str, dict[str, Any]] = {
    "body": {
        "lock": "locked",
        "asleep": False,
        "user_present": True,
        "front_driver_door": "closed",
        "front_passenger_door": "closed",
        "rear_driver_door": "ajar",
        "rear_passenger_door": "closed",
        "front_trunk": "closed",
        "rear_trunk": "open",
        "charge_port": "open",
        "tonneau": "closed",
    },
    "charge": {
        "charging": "charging",
        "battery_percent": 63,
        "usable_battery_percent": 62,
        "range_miles": 192.2,
        "estimated_range_miles": 180.5,
        "limit_percent": 80,
        "minimum_limit_percent": 50,
        "maximum_limit_percent": 100,
        "limit_reason": "none",
        "minutes_to_limit": 45,
        "minutes_to_full": 45,
        "power_kw": 11,
        "amps": 16,
        "set_amps": 16,
        "maximum_amps": 16,
        "pilot_amps": 16,
        "volts": 231,
        "phases": 3,
        "rate_mph": 41.5,
        "energy_added_kwh": 7.35,
        "range_added_miles": 29.0,
        "cable": "iec",
        "fast_charger": "combo",
        "fast_charger_present": False,
        "port_latch": "engaged",
        "planned_start": 1795370400,
        "planned_departure": 1795417200.0,
        "planned_charging_pending": False,
        "low_power_mode": False,
        "keeps_accessory_power": False,
        "powershare": "inactive",
        "powershare_load_kw": 0.0,
        "powershare_hours_left": 30,
    },
    "climate": {
        "on": True,
        "inside_celsius": 19.5,
        "outside_celsius": 4.0,
        "driver_celsius": 21.0,
        "passenger_celsius": 21.0,
        "minimum_celsius": 15.0,
        "maximum_celsius": 28.0,
        "fan_level": 3,
        "keeper": "dog",
        "defrost": "off",
        "bioweapon": False,
        "overheat_protection": "fan_only",
        "overheat_temperature": "medium",
        "overheat_pause": "low_solar_load",
        "overheat_cooling": False,
        "preconditioning": True,
        "battery_heat": False,
        "front_defroster": False,
        "rear_defroster": True,
        "front_left_seat_heat": 2,
        "front_right_seat_heat": 0,
        "wheel_heat": True,
    },
    "closures": {
        "front_driver_window_open": False,
        "front_passenger_window_open": False,
        "rear_driver_window_open": True,
        "rear_passenger_window_open": False,
        "sun_roof": "vent",
        "sun_roof_percent": 15,
        "tonneau": "closed",
        "tonneau_percent": 0,
        "sentry": "aware",
        "display": "charging",
        "valet_mode": False,
        "speed_limit": {"active": True, "pin_set": True, "limit_mph": 50.0, "minimum_mph": 50.0, "maximum_mph": 90.0},
        "keyless_driving": False,
    },
    "drive": {
        "gear": "park",
        "speed_mph": 0.0,
        "power_kw": -1,
        "odometer_miles": 12345.67,
        "route_destination": "Grandmother",
        "route_minutes": 20.0,
        "route_miles": 12.5,
        "route_delay_minutes": 3.0,
        "route_arrival_percent": 55.0,
    },
    "location": {
        "native_system": "wgs",
        "native_latitude": 52.5163,
        "native_longitude": 13.3777,
        "latitude": 52.5164,
        "longitude": 13.3778,
        "homelink_nearby": True,
    },
    "tyres": {
        f"{wheel}_{name}": value
        for wheel in ("front_left", "front_right", "rear_left", "rear_right")
        for name, value in (("bar", 2.9), ("soft_warning", wheel == "rear_left"), ("hard_warning", False))
    }
    | {"front_recommended_bar": 2.9, "rear_recommended_bar": 2.9},
    "software": {
        "status": "scheduled",
        "version": "2026.38.4",
        "download_percent": 100,
        "install_percent": 10,
        "scheduled_at": 1795410000.0,
    },
    "media": {"playback": "playing", "source": "dab", "title": "News", "artist": "Radio", "volume": 4.0},
    "media_detail": {"source_name": "DAB+", "station": "Deutschlandfunk"},
    "parental_controls": {"active": True, "pin_set": True},
}


def tell_everything(bridge: FakeBridge) -> None:
    """Say all of it of Anna."""
    for subject, values in EVERYTHING.items():
        bridge.tell_state(subject, ANNA, **values)
    bridge.link(
        reachable=True, in_range=True, linked=True, signal_dbm=-61, places_free=True, contact_at=1000.0, asleep=False
    )
    bridge.health(
        radio={"state": "ok", "heard_per_minute": 393},
        process={"memory_mb": 93.9},
        cars={ANNA.id: {"budget": {"wakes_today": 1, "awake_minutes_today": 12.4}}},
    )
