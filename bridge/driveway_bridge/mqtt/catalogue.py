"""What may be asked for over MQTT, and how each of it is treated on its way.

The names stand here once more, beside the table of commands, because the bridge is known to MQTT before it has loaded
the table, which is large: whoever looks at a bridge that has just started has to find everything that it offers. What
a command's arguments may be is only known with the table. A test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from driveway_bridge.contract import LOCK_TTL_S, MAX_TTL_S, CarInfo
from driveway_bridge.lane import Priority
from driveway_bridge.vehicle_model import model

EVERYBODY: Final = frozenset({"owner", "driver", "charging_manager", "vehicle_monitor"})
"""The roles of which it is known what they may do, in the words of `state.keys.Role`."""
CHARGING: Final = EVERYBODY - {"vehicle_monitor"}
DRIVING: Final = frozenset({"owner", "driver"})
OWNING: Final = frozenset({"owner"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How one command is treated."""

    priority: Priority = Priority.ORDER
    opens: bool = False
    """It opens, unlocks or starts something, or changes keys or what others may do: late, it would be dangerous."""
    roles: frozenset[str] = EVERYBODY
    """Keys that may do it, as far as is known."""
    subject: str | None = None
    """Of what waits in the lane the later command about the same thing takes the place."""
    operation: bool = False
    """The bridge does it itself, beside the lane."""

    @property
    def max_ttl_s(self) -> float:
        """A longer time to live is cut to this."""
        return LOCK_TTL_S if self.opens or self.priority is Priority.LOCK else MAX_TTL_S

    def allows(self, role: str | None) -> bool:
        """Whether a key of this role may do it; yes where it is not known, as the car has the last word."""
        return role not in EVERYBODY or role in self.roles


_BODY: Final = {
    "lock": "lock",
    "unlock": "lock",
    "auto_secure": "lock",
    "trunk_open": "trunk",
    "trunk_close": "trunk",
    "frunk_open": "frunk",
    "tonneau_open": "tonneau",
    "tonneau_close": "tonneau",
    "tonneau_stop": "tonneau",
    "door_open": None,  # which door, only its arguments tell
    "door_close": None,
    "charge_port_open_direct": "charge_port",
    "charge_port_close_direct": "charge_port",
}
"""Locks, doors and lids of the body controller, which never sleeps: they go before everything else."""
_BY_ROLES: Final = {
    DRIVING: """
        lock unlock auto_secure trunk_open trunk_close frunk_open tonneau_open tonneau_close tonneau_stop door_open
        door_close charge_port_open charge_port_close charge_port_open_direct charge_port_close_direct windows_vent
        windows_close sunroof_vent sunroof_open sunroof_close precondition_schedule_add precondition_schedule_remove
        precondition_schedules_clear climate_on climate_off climate_temperature climate_keeper defrost_max
        overheat_protection overheat_temperature bioweapon recirculation seat_heat seat_cooling seat_automatic
        wheel_heat wheel_heat_level wheel_heat_automatic media_toggle media_next_track media_previous_track
        media_next_favorite media_previous_favorite media_volume_up media_volume_down media_volume flash_lights
        honk_horn boombox homelink sentry_mode dashcam_save valet_mode speed_limit speed_limit_set
        speed_limit_pin_clear parental_controls parental_controls_setting parental_controls_speed_limit
        parental_controls_pin_clear low_power_mode accessory_power vehicle_name update_schedule update_cancel navigate
        navigate_to_point navigate_to_supercharger
        """,
    CHARGING: """
        wake charge_start charge_stop charge_limit charge_amps charge_standard charge_max_range charge_schedule_add
        charge_schedule_remove charge_schedules_clear scheduled_charging scheduled_departure
        """,
    OWNING: """
        valet_pin_reset speed_limit_pin_clear_admin pin_to_drive pin_to_drive_reset pin_to_drive_reset_admin guest_mode
        erase_guest_data parental_controls_pin_clear_admin key_add key_remove
        """,
    EVERYBODY: """
        status drill keys_list key_entry read_charge read_climate read_drive read_location read_closures
        read_charge_schedules read_precondition_schedules read_tyres read_media read_media_detail read_software_update
        read_parental_controls nearby_sites ping
        """,
}
_OPENING: Final = """
    unlock trunk_open frunk_open tonneau_open door_open charge_port_open charge_port_open_direct windows_vent
    sunroof_vent sunroof_open homelink valet_mode valet_pin_reset speed_limit speed_limit_set speed_limit_pin_clear
    speed_limit_pin_clear_admin pin_to_drive pin_to_drive_reset pin_to_drive_reset_admin guest_mode erase_guest_data
    parental_controls parental_controls_setting parental_controls_speed_limit parental_controls_pin_clear
    parental_controls_pin_clear_admin key_add key_remove
    """
COMMANDS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        name: Entry(
            priority=Priority.LOCK if name in _BODY else Priority.ORDER,
            opens=name in _OPENING.split(),
            roles=roles,
            subject=_BODY.get(name),
        )
        for roles, names in _BY_ROLES.items()
        for name in names.split()
    }
)
"""What cars do; `commands.table` makes the requests."""
OPERATIONS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "pair": Entry(opens=True, operation=True),
        "pair_cancel": Entry(operation=True),
        "keys": Entry(operation=True),
    }
)
"""What the bridge does itself; `operations.OPERATIONS` does it."""
CATALOGUE: Final[Mapping[str, Entry]] = MappingProxyType({**COMMANDS, **OPERATIONS})


def car_info(car_id: str, name: str, vin: str, role: str | None) -> CarInfo:
    """Describe a car for `Info`: with its model, and with what our key may do in it (None as long as its role is)."""
    commands = None if role is None else tuple(name for name, entry in CATALOGUE.items() if entry.allows(role))
    return CarInfo(id=car_id, name=name, model=model(vin), role=role, commands=commands)
