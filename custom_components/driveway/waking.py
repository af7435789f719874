"""Commands that open something and need the car awake: each lives five seconds, while waking it takes up to fifteen.

A bridge wakes the car and then throws such a command away as too old; that is how old commands die. Here somebody
still waits for it, so it is given anew, fresh and signed anew: that it expired says that none of it was sent.
"""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.exceptions import HomeAssistantError

from .entity import OPENS_TTL_S, CarControl

TRIES: Final = 6
"""Together they live as long as a bridge gives a car to wake up and to start its computer."""


async def async_open(entity: CarControl, command: str, arguments: Mapping[str, Any] | None = None) -> None:
    """Have a command carried out that opens something, also when the car sleeps; HomeAssistantError as for others."""
    for left in reversed(range(TRIES)):
        try:
            await entity.async_command(command, arguments, ttl_s=OPENS_TTL_S)
        except HomeAssistantError as error:
            if error.translation_key != "expired" or not left:
                raise
            if entity.coordinator.commands.superseded(entity.car, command):  # it would undo what was asked later
                raise entity.coordinator.translated(entity.car, "superseded") from error
        else:
            return
