"""Settings that guard the car: sentry, valet, speed limit, PIN to drive, guests, parental controls.

A setter gives the car's reason when it does not do what is asked, else None.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PIN_DIGITS = 4
SPEED_MIN_MPH, SPEED_MAX_MPH = 50.0, 120.0
WRONG_PIN = "invalid_pin"
BAD_PIN = "pin_must_have_4_digits"


def is_pin(text: str) -> bool:
    """Whether it is four digits."""
    return len(text) == PIN_DIGITS and text.isascii() and text.isdigit()


@dataclass(slots=True)
class Guarded:
    """A mode with a PIN: whoever switches it on may set the PIN, whoever switches it off needs it."""

    active: bool = False
    pin: str = ""

    def activate(self, pin: str) -> str | None:
        """Switch on; the first PIN is remembered."""
        if self.pin and pin != self.pin:
            return WRONG_PIN
        if not is_pin(pin):
            return BAD_PIN
        self.active, self.pin = True, pin
        return None

    def deactivate(self, pin: str) -> str | None:
        """Switch off."""
        if self.pin and pin != self.pin:
            return WRONG_PIN
        self.active = False
        return None

    def clear(self, pin: str) -> str | None:
        """Forget the PIN."""
        if self.active:
            return "still_active"
        if pin != self.pin:
            return WRONG_PIN
        self.pin = ""
        return None

    def reset(self) -> None:
        """Forget the PIN and switch off, as only the owner may."""
        self.active, self.pin = False, ""


@dataclass(slots=True)
class SecuritySettings:
    """Of one car."""

    sentry: bool = False
    low_power: bool = False
    keep_accessory_power: bool = False
    guest_mode: bool = False
    name: str = "Driveway"
    valet: Guarded = field(default_factory=Guarded)
    speed_limit: Guarded = field(default_factory=Guarded)
    speed_limit_mph: float = 85.0
    pin_to_drive: Guarded = field(default_factory=Guarded)
    parental: Guarded = field(default_factory=Guarded)
    parental_settings: set[int] = field(default_factory=set)
    """Numbers of the message's enumeration."""
    parental_limit_mph: float = 85.0

    def set_valet(self, pin: str, *, on: bool) -> str | None:
        """Valet mode, which needs a PIN once."""
        if not on and not self.valet.active:
            return "valet mode already off"
        if on and self.valet.pin and not pin:
            pin = self.valet.pin  # a PIN that was set before is used again
        return self.valet.activate(pin) if on else self.valet.deactivate(pin)

    def set_low_power(self, *, on: bool) -> None:
        """Low power, which ends what draws power."""
        self.low_power = on
        if on:
            self.sentry = self.keep_accessory_power = False

    def set_sentry(self, *, on: bool) -> str | None:
        """Sentry mode."""
        if on and self.low_power:
            return "low_power_mode_enforced"
        self.sentry = on
        return None


def speed_in_range(mph: float) -> bool:
    """Whether the car takes this as a limit."""
    return SPEED_MIN_MPH <= mph <= SPEED_MAX_MPH
