"""What people outside see and hear. Doing it twice is seen and heard twice, so nothing here is repeated."""

from __future__ import annotations

from typing import Final

from driveway_bridge.commands.base import Command
from driveway_bridge.commands.infotainment import act
from driveway_bridge.commands.parameter import integer
from driveway_bridge.commands.specification import Specification
from driveway_bridge.proto import car_server

SOUND: Final = integer("sound", "", 0, 2000, default=0)


def flash_lights() -> Command:
    """Flash the headlights once."""
    action = car_server.VehicleControlFlashLightsAction()
    return act("flash_lights", car_server.VehicleAction(vehicleControlFlashLightsAction=action), idempotent=False)


def honk_horn() -> Command:
    """Honk once."""
    action = car_server.VehicleControlHonkHornAction()
    return act("honk_horn", car_server.VehicleAction(vehicleControlHonkHornAction=action), idempotent=False)


def boombox(sound: int = 0) -> Command:
    """Play a sound outside, where the car has a loudspeaker for it: 0 is any, 2000 helps to find the car."""
    SOUND.check(sound)
    action = car_server.BoomboxAction(sound=sound)
    return act("boombox", car_server.VehicleAction(boomboxAction=action), idempotent=False)


SPECIFICATIONS: Final = (
    Specification(
        name="flash_lights", subject="signals", summary="Flash the lights.", build=flash_lights, idempotent=False
    ),
    Specification(name="honk_horn", subject="signals", summary="Honk.", build=honk_horn, idempotent=False),
    Specification(
        name="boombox",
        subject="signals",
        summary="Play a sound outside the car; 2000 helps to find it.",
        build=boombox,
        parameters=(SOUND,),
        idempotent=False,
        unofficial=True,
    ),
)
