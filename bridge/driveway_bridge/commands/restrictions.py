"""What others may do with the car: valet, guests, young drivers, and the PINs in front of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from driveway_bridge.commands.base import Command, near, same
from driveway_bridge.commands.infotainment import CLOSURES, PARENTAL_CONTROLS, act, act_and_read
from driveway_bridge.commands.parameter import Kind, Parameter, boolean, choice, number, pin
from driveway_bridge.commands.specification import DRIVING, OWNING, Specification
from driveway_bridge.errors import NotAdmitted
from driveway_bridge.proto import car_server
from driveway_bridge.state.keys import Role

ON: Final = boolean("on")
PIN: Final = pin()
OPTIONAL_PIN: Final = Parameter("pin", Kind.PIN, required=False)
LIMIT: Final = number("limit_mph", "mph", 50, 90)
_SETTINGS: Final = {
    "speed_limit": car_server.ParentalControlsEnableSettingsAction.SpeedLimit,
    "acceleration": car_server.ParentalControlsEnableSettingsAction.Acceleration,
    "safety_features": car_server.ParentalControlsEnableSettingsAction.SafetyFeatures,
    "curfew": car_server.ParentalControlsEnableSettingsAction.Curfew,
    "browser_blocked": car_server.ParentalControlsEnableSettingsAction.BrowserBlocked,
    "theater_blocked": car_server.ParentalControlsEnableSettingsAction.TheaterBlocked,
    "arcade_blocked": car_server.ParentalControlsEnableSettingsAction.ArcadeBlocked,
}
_SHOWN_AS: Final = {"acceleration": "chill_acceleration", "safety_features": "safety_settings"}
SETTING: Final = choice("setting", tuple(_SETTINGS))


def valet_mode(*, on: bool, pin: str | None = None) -> Command:
    """Let a stranger park the car; switching it on needs the PIN that ends it."""
    _check_pin(on=on, pin=pin)
    action = car_server.VehicleControlSetValetModeAction(on=on, password=pin or "")
    return act_and_read(
        "valet_mode",
        car_server.VehicleAction(vehicleControlSetValetModeAction=action),
        CLOSURES,
        lambda closures: same(closures.valet_mode, on),
    )


def valet_pin_reset() -> Command:
    """Forget the valet PIN."""
    action = car_server.VehicleControlResetValetPinAction()
    return act("valet_pin_reset", car_server.VehicleAction(vehicleControlResetValetPinAction=action))


def speed_limit(*, on: bool, pin: str) -> Command:
    """Switch the speed limit on or off; the PIN that switches it on is the one that switches it off."""
    ON.check(on)
    PIN.check(pin)
    action = car_server.DrivingSpeedLimitAction(activate=on, pin=pin)
    return act_and_read(
        "speed_limit",
        car_server.VehicleAction(drivingSpeedLimitAction=action),
        CLOSURES,
        lambda closures: None if closures.speed_limit is None else same(closures.speed_limit.active, on),
    )


def speed_limit_set(limit_mph: float) -> Command:
    """Set how fast the car goes at most while the speed limit is on."""
    LIMIT.check(limit_mph)
    action = car_server.DrivingSetSpeedLimitAction(limit_mph=limit_mph)
    return act_and_read(
        "speed_limit_set",
        car_server.VehicleAction(drivingSetSpeedLimitAction=action),
        CLOSURES,
        lambda closures: (
            None if closures.speed_limit is None else near(closures.speed_limit.limit_mph, limit_mph, 0.6)
        ),  # the car may keep kilometres
    )


def speed_limit_pin_clear(pin: str) -> Command:
    """Forget the speed limit's PIN."""
    PIN.check(pin)
    action = car_server.DrivingClearSpeedLimitPinAction(pin=pin)
    return act_and_read(
        "speed_limit_pin_clear",
        car_server.VehicleAction(drivingClearSpeedLimitPinAction=action),
        CLOSURES,
        lambda closures: None if closures.speed_limit is None else same(closures.speed_limit.pin_set, False),
    )


def speed_limit_pin_clear_admin() -> Command:
    """Forget the speed limit's PIN without knowing it."""
    action = car_server.DrivingClearSpeedLimitPinAdminAction()
    return act_and_read(
        "speed_limit_pin_clear_admin",
        car_server.VehicleAction(drivingClearSpeedLimitPinAdminAction=action),
        CLOSURES,
        lambda closures: None if closures.speed_limit is None else same(closures.speed_limit.pin_set, False),
    )


def pin_to_drive(*, on: bool, pin: str | None = None) -> Command:
    """Ask for a PIN before the car drives. The maker's own client does not send this over Bluetooth."""
    _check_pin(on=on, pin=pin)
    action = car_server.VehicleControlSetPinToDriveAction(on=on, password=pin or "")
    return act("pin_to_drive", car_server.VehicleAction(vehicleControlSetPinToDriveAction=action))


def pin_to_drive_reset() -> Command:
    """Forget the PIN to drive."""
    action = car_server.VehicleControlResetPinToDriveAction()
    return act("pin_to_drive_reset", car_server.VehicleAction(vehicleControlResetPinToDriveAction=action))


def pin_to_drive_reset_admin() -> Command:
    """Forget the PIN to drive, as the owner."""
    action = car_server.VehicleControlResetPinToDriveAdminAction()
    return act("pin_to_drive_reset_admin", car_server.VehicleAction(vehicleControlResetPinToDriveAdminAction=action))


def guest_mode(*, on: bool) -> Command:
    """Hide what is personal while somebody else has the car."""
    ON.check(on)
    action = car_server.VehicleAction()
    action.guestModeAction.GuestModeActive = on
    return act("guest_mode", action)


def erase_guest_data() -> Command:
    """Erase what a guest left behind; cars do it in guest mode only."""
    action = car_server.EraseUserDataAction()
    return act("erase_guest_data", car_server.VehicleAction(eraseUserDataAction=action))


def parental_controls(*, on: bool, pin: str) -> Command:
    """Switch the controls on or off; the PIN that switches them on is the one that switches them off."""
    ON.check(on)
    PIN.check(pin)
    action = car_server.ParentalControlsAction(activate=on, pin=pin)
    return act_and_read(
        "parental_controls",
        car_server.VehicleAction(parentalControlsAction=action),
        PARENTAL_CONTROLS,
        lambda controls: same(controls.active, on),
    )


def parental_controls_setting(setting: str, *, on: bool) -> Command:
    """Choose what the controls hold back."""
    SETTING.check(setting)
    ON.check(on)
    action = car_server.ParentalControlsEnableSettingsAction(setting=_SETTINGS[setting], enable=on)
    return act_and_read(
        "parental_controls_setting",
        car_server.VehicleAction(parentalControlsEnableSettingsAction=action),
        PARENTAL_CONTROLS,
        lambda controls: (
            None if controls.settings is None else same(getattr(controls.settings, _SHOWN_AS.get(setting, setting)), on)
        ),
    )


def parental_controls_speed_limit(limit_mph: float) -> Command:
    """Set how fast the car goes at most under parental controls."""
    LIMIT.check(limit_mph)
    action = car_server.ParentalControlsSetSpeedLimitAction(limit_mph=limit_mph)
    return act_and_read(
        "parental_controls_speed_limit",
        car_server.VehicleAction(parentalControlsSetSpeedLimitAction=action),
        PARENTAL_CONTROLS,
        lambda controls: (
            None if controls.settings is None else near(controls.settings.limit_mph, limit_mph, 0.6)
        ),  # the car may keep kilometres
    )


def parental_controls_pin_clear(pin: str) -> Command:
    """Forget the controls' PIN."""
    PIN.check(pin)
    action = car_server.ParentalControlsClearPinAction(pin=pin)
    return act_and_read(
        "parental_controls_pin_clear",
        car_server.VehicleAction(parentalControlsClearPinAction=action),
        PARENTAL_CONTROLS,
        lambda controls: same(controls.pin_set, False),
    )


def parental_controls_pin_clear_admin() -> Command:
    """Forget the controls' PIN without knowing it."""
    action = car_server.ParentalControlsClearPinAdminAction()
    return act_and_read(
        "parental_controls_pin_clear_admin",
        car_server.VehicleAction(parentalControlsClearPinAdminAction=action),
        PARENTAL_CONTROLS,
        lambda controls: same(controls.pin_set, False),
    )


def _check_pin(*, on: bool, pin: str | None) -> None:
    """Switching on needs a PIN, switching off may do without."""
    ON.check(on)
    OPTIONAL_PIN.check(pin)
    if on and pin is None:
        raise NotAdmitted("bad_arguments", f"{PIN.name} is missing: {PIN.allowed}")


def _offer(
    build: Callable[..., Command],
    summary: str,
    *parameters: Parameter,
    roles: frozenset[Role] = DRIVING,
    verified_by: str = "",
) -> Specification:
    """Describe a command; all of these decide what others may do."""
    return Specification(
        name=build.__name__,
        subject="restrictions",
        summary=summary,
        build=build,
        parameters=parameters,
        roles=roles,
        verified_by=verified_by,
        opens=True,
    )


_BY_CLOSURES: Final = "read_closures"
_BY_CONTROLS: Final = "read_parental_controls"
SPECIFICATIONS: Final = (
    _offer(
        valet_mode,
        "Switch Valet Mode; switching it on needs a PIN.",
        ON,
        OPTIONAL_PIN,
        verified_by=_BY_CLOSURES,
    ),
    _offer(valet_pin_reset, "Forget the PIN of Valet Mode.", roles=OWNING),
    _offer(speed_limit, "Switch the speed limit, with its PIN.", ON, PIN, verified_by=_BY_CLOSURES),
    _offer(speed_limit_set, "Set the speed limit.", LIMIT, verified_by=_BY_CLOSURES),
    _offer(speed_limit_pin_clear, "Forget the PIN of the speed limit.", PIN, verified_by=_BY_CLOSURES),
    _offer(
        speed_limit_pin_clear_admin,
        "Forget the PIN of the speed limit without knowing it.",
        roles=OWNING,
        verified_by=_BY_CLOSURES,
    ),
    _offer(
        pin_to_drive,
        "Ask for a PIN before driving; cars may refuse this over Bluetooth.",
        ON,
        OPTIONAL_PIN,
        roles=OWNING,
    ),
    _offer(pin_to_drive_reset, "Forget the PIN to drive.", roles=OWNING),
    _offer(pin_to_drive_reset_admin, "Forget the PIN to drive, as the owner.", roles=OWNING),
    _offer(guest_mode, "Switch Guest Mode.", ON, roles=OWNING),
    _offer(erase_guest_data, "Erase a guest's data; only while Guest Mode is on.", roles=OWNING),
    _offer(parental_controls, "Switch the parental controls, with their PIN.", ON, PIN, verified_by=_BY_CONTROLS),
    _offer(
        parental_controls_setting,
        "Choose what the parental controls hold back.",
        SETTING,
        ON,
        verified_by=_BY_CONTROLS,
    ),
    _offer(
        parental_controls_speed_limit,
        "Set the speed limit of the parental controls.",
        LIMIT,
        verified_by=_BY_CONTROLS,
    ),
    _offer(parental_controls_pin_clear, "Forget the PIN of the parental controls.", PIN, verified_by=_BY_CONTROLS),
    _offer(
        parental_controls_pin_clear_admin,
        "Forget the PIN of the parental controls without knowing it.",
        roles=OWNING,
        verified_by=_BY_CONTROLS,
    ),
)
