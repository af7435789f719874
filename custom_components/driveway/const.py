"""Names that the parts of the component share."""

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "driveway"
MANUFACTURER: Final = "Driveway"
CAR_MANUFACTURER: Final = "Tesla"

CONF_BASE_TOPIC: Final = "base_topic"
CONF_BRIDGES: Final = "bridges"
"""In the entry's data: bridge id -> {"code": ..}."""
CONF_CAR: Final = "car"
"""In a subentry's data: the car's id."""
VEHICLE: Final = "vehicle"
"""The type of the subentries."""

PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CLIMATE,
    Platform.COVER,
    Platform.DEVICE_TRACKER,
    Platform.EVENT,
    Platform.LOCK,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.UPDATE,
)
PRESENT: Final = "present"
"""What stands in the topic `component` of a bridge whose cars are shown here."""
