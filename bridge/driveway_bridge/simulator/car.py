"""The virtual car as a thing on a driveway: its parts, who did what to it, and what time does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from driveway_bridge.proto import ClosureState_E, common
from driveway_bridge.simulator.parts.charging import MILES_PER_PERCENT, Cable, Charging
from driveway_bridge.simulator.parts.climate import Climate, Keeper
from driveway_bridge.simulator.parts.drive import Drive, Gear
from driveway_bridge.simulator.parts.equipment import EQUIPMENT, Equipment
from driveway_bridge.simulator.parts.lids import AJAR, CLOSED, CLOSURES, DOORS, OPEN, Lids
from driveway_bridge.simulator.parts.media import Media
from driveway_bridge.simulator.parts.schedules import Book, SingleSchedule
from driveway_bridge.simulator.parts.security_settings import SecuritySettings
from driveway_bridge.simulator.parts.software import Software, Update

__all__ = ["AJAR", "CLOSED", "CLOSURES", "DOORS", "OPEN", "CannotError", "Car", "DoorOpenError"]

START_UNIX_S = 1_800_000_000.0
"""The car's calendar begins in January 2027, unless it is told the time."""
CALENDAR_GRAIN_S = 0.001
"""Times of the calendar this near to each other are the same: it has no finer ones."""


class CannotError(Exception):
    """The car cannot do that now; the text says why."""


class DoorOpenError(CannotError):
    """The car does not lock while a door is open."""


class Car:
    """A car on a driveway. Every verb names who did it; `on_change(by)` is called when a fact has changed."""

    def __init__(
        self, *, locked: bool = True, asleep: bool = False, equipment: Equipment = EQUIPMENT["everything"]
    ) -> None:
        self.equipment = equipment
        self.locked = locked
        self.asleep = asleep
        self.user_present = False
        self.lids = Lids()
        self.windows_open = False
        self.sunroof_percent = 0
        self.charging = Charging()
        self.climate = Climate(equipment)
        self.drive = Drive()
        self.media = Media()
        self.settings = SecuritySettings()
        self.schedule = SingleSchedule()
        self.charge_schedules: Book[common.ChargeSchedule] = Book()
        self.preconditioning_schedules: Book[common.PreconditionSchedule] = Book()
        self.software = Software()
        self.on_change: Callable[[str], None] = lambda _by: None
        # How time passes; a profile may say otherwise.
        self.lid_s = 0.0
        """How long a motor needs for a lid."""
        self.idle_sleep_s: float | None = None
        """Idle for that long it falls asleep; None: it stays awake."""
        self.pace = 1.0
        """Seconds of charging, warming and driving that pass in a second."""
        self.unix_s = START_UNIX_S
        """The car's calendar."""
        self.now: float | None = None
        self._active_at = 0.0
        self._told = self._discrete()

    # Facts.

    @property
    def closures(self) -> dict[str, ClosureState_E]:
        """The state of each door and lid."""
        return self.lids.states

    def body(self) -> dict[str, Any]:
        """What the body controller tells everybody."""
        closures = {name: ClosureState_E.Name(state)[13:].lower() for name, state in self.closures.items()}
        return {
            "locked": self.locked,
            "asleep": self.asleep,
            "user_present": self.user_present,
            "closures": closures,
        }

    def facts(self) -> dict[str, Any]:
        """All that matters, as it is, whatever the car would tell about it."""
        gauges = {
            "battery_percent": round(self.charging.level, 1),
            "inside_c": round(self.climate.inside_c, 1),
            "odometer_mi": round(self.drive.odometer_mi, 1),
        }
        return {**self._discrete(), "gauges": gauges}

    def _discrete(self) -> dict[str, Any]:
        return {
            **self.body(),
            "charging": self.charging.phase.value,
            "charge_limit": self.charging.limit,
            "charging_amps": self.charging.amps,
            "climate_on": self.climate.on,
            "target_c": self.climate.driver_c,
            "keeper": self.climate.keeper.value,
            "sentry": self.settings.sentry,
            "valet": self.settings.valet.active,
            "windows_open": self.windows_open,
            "gear": self.drive.gear.value,
            "update": self.software.update.value,
            "comfort": self._comfort(),
        }

    def _comfort(self) -> dict[str, Any]:
        climate, settings = self.climate, self.settings
        return {
            "seat_heat": dict(climate.seat_heaters),
            "seat_cooling": dict(climate.seat_coolers),
            "automatic_seats": dict(climate.auto_seats),
            "wheel_heat": climate.wheel_level,
            "automatic_wheel": climate.auto_wheel,
            "max_defrost": climate.max_defrost,
            "bioweapon": climate.bioweapon,
            "overheat": climate.overheat.name.lower(),
            "overheat_level": climate.overheat_level,
            "sunroof_percent": self.sunroof_percent,
            "playback": self.media.playback.name.lower(),
            "volume": round(self.media.volume, 2),
            "low_power": settings.low_power,
            "accessory_power": settings.keep_accessory_power,
        }

    def tell(self, by: str) -> None:
        """Say that facts have changed, if they have."""
        facts = self._discrete()
        if facts != self._told:
            self._told = facts
            self.on_change(by)

    # Locks, doors, people.

    def lock(self, by: str) -> None:
        """Lock; a lid may be open, a door may not: DoorOpenError."""
        if any(self.closures[door] != CLOSED for door in DOORS):
            raise DoorOpenError("a door is open")
        self.locked = True
        self._rouse(by, wake=False)

    def unlock(self, by: str) -> None:
        """Unlock."""
        self.locked = False
        self._rouse(by, wake=False)

    def secure(self, by: str) -> None:
        """Close the doors, which are powered where this is possible, and lock."""
        for door in DOORS:
            self.move(door, CLOSED, by)
        self.lock(by)

    def move(self, closure: str, state: ClosureState_E, by: str) -> None:
        """Put a door or lid of CLOSURES into a state, at once; which wakes the car."""
        if self.lids.put(closure, state):
            self._rouse(by)

    def drive_lid(self, closure: str, towards: ClosureState_E, by: str) -> None:
        """Let the motor of a lid open or close it; which wakes the car."""
        if self.lids.drive(closure, towards, self.now or 0.0, self.lid_s):
            self._rouse(by)

    def halt_lid(self, closure: str, by: str) -> None:
        """Stop the motor of a lid."""
        if self.lids.halt(closure):
            self._rouse(by)

    def open_charge_port(self, by: str) -> None:
        """Open its lid; a cable that is in it is let go."""
        self.charging.release()
        self.drive_lid("charge_port", OPEN, by)
        self.tell(by)

    def enter(self, by: str) -> None:
        """Somebody sits down inside, which wakes the car."""
        self.user_present = True
        self._rouse(by)

    def leave(self, by: str) -> None:
        """Nobody is inside any more."""
        self.user_present = False
        self._rouse(by, wake=False)

    # Sleep.

    def sleep(self, by: str) -> None:
        """Fall asleep."""
        self.asleep = True
        self.tell(by)

    def wake(self, by: str) -> None:
        """Wake up."""
        self._rouse(by)

    def stir(self) -> None:
        """Somebody wants something of infotainment: it does not fall asleep now."""
        self._active_at = self.now or 0.0

    @property
    def held_awake(self) -> bool:
        """Something goes on that needs the car awake."""
        return (
            self.user_present
            or self.drive.gear is not Gear.PARK
            or bool(self.charging.power_kw)
            or self.climate.on
            or self.settings.sentry
            or self.settings.keep_accessory_power
            or self.software.update is Update.INSTALLING
            or self.lids.next_deadline() is not None
        )

    # Cable, road, update: what happens to a car.

    def plug_in(self, by: str, cable: Cable | None = None) -> None:
        """Put a cable in; it charges, unless there is a schedule to wait for. CannotError."""
        _insist(self.charging.plug_in(cable or Cable(), wait=self.schedule.next_start(self.unix_s) is not None))
        self.schedule.wait(self.unix_s)
        self.lids.put("charge_port", OPEN)
        self._rouse(by)

    def unplug(self, by: str) -> None:
        """Take the cable out and close the port. CannotError."""
        _insist(self.charging.unplug())
        self.schedule.due = None
        self.lids.put("charge_port", CLOSED)
        self._rouse(by)

    def drive_off(self, by: str) -> None:
        """Somebody drives away. CannotError while it is plugged in."""
        if self.charging.cable:
            raise CannotError("the cable is plugged in")
        self.user_present = True
        self.locked = False
        self.climate.keep(Keeper.OFF)
        for name in CLOSURES:
            self.lids.put(name, CLOSED)
        self.drive.leave()
        self._rouse(by)

    def drive_home(self, by: str) -> None:
        """It stands on the driveway again; somebody is still inside."""
        self.drive.arrive()
        self._rouse(by)

    def offer_update(self, version: str, by: str) -> None:
        """There is new software for it."""
        self.software.offer(version)
        self.tell(by)

    # Time.

    def advance(self, now: float) -> None:
        """Let time pass until `now`; what happens by itself is told as done by `time`."""
        held = self.held_awake
        elapsed = 0.0 if self.now is None else max(0.0, now - self.now)
        if self.now is None:
            self._active_at = now
        self.now = now
        lived = elapsed * self.pace
        self.unix_s += lived
        self.charging.advance(lived)
        self.climate.advance(lived)
        self.media.advance(lived)
        self.charging.level = max(0.0, self.charging.level - self.drive.advance(lived) / MILES_PER_PERCENT)
        self.lids.settle(now)
        self.software.advance(self.unix_s + CALENDAR_GRAIN_S)
        if self.schedule.due is not None and self.unix_s >= self.schedule.due - CALENDAR_GRAIN_S:
            self.schedule.due = None
            self.charging.start()
        if held or self.held_awake:  # what has just ended was needed until now
            self._active_at = now
        elif (sleeps_at := self._sleeps_at()) is not None and now >= sleeps_at:
            self.asleep = True
        self.tell("time")

    def next_deadline(self) -> float | None:
        """When something happens by itself, on the scale of `now`."""
        if self.now is None:
            return None
        lived = [self.charging.seconds_left()]
        if self.schedule.due is not None:
            lived.append(self.schedule.due - self.unix_s)
        if self.software.update in (Update.SCHEDULED, Update.INSTALLING):
            lived.append(self.software.due - self.unix_s)
        times = [self.now + max(0.0, seconds) / self.pace for seconds in lived if seconds is not None]
        times += [time for time in (self.lids.next_deadline(), self._sleeps_at()) if time is not None]
        return min(times, default=None)

    def _sleeps_at(self) -> float | None:
        if self.asleep or self.idle_sleep_s is None or self.held_awake:
            return None
        return self._active_at + self.idle_sleep_s

    def _rouse(self, by: str, *, wake: bool = True) -> None:
        """Something was done to it."""
        self.stir()
        if wake:
            self.asleep = False
        self.tell(by)


def _insist(reason: str | None) -> None:
    if reason:
        raise CannotError(reason.replace("_", " "))
