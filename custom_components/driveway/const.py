"""Names that the parts of the component share."""

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "driveway"
DOCS: Final = "https://github.com/driveway-home/driveway/blob/main"
MANUFACTURER: Final = "Driveway"
CAR_MANUFACTURER: Final = "Tesla"

CONF_BASE_TOPIC: Final = "base_topic"
CONF_BRIDGES: Final = "bridges"
"""In the entry's data: bridge id -> {"code": ..}."""
CONF_IGNORED_CARS: Final = "ignored_cars"
"""In the entry's data: ids of cars that the owner has removed, or that another entry shows."""
CONF_CAR: Final = "car"
"""In a subentry's data: the car's id."""
CONF_ROUTE: Final = "route"
"""In a subentry's data: the entity id of another lock of the same car, which leads through the cloud."""
SECOND_LOCK: Final = "second_lock"
"""The route of a command that went through it."""
CONF_WATCH: Final = "cloud_watch"
"""In the options: whether to watch the cloud. Off without it."""
CONF_WATCH_URL: Final = "cloud_watch_url"
"""In the options: what to ask instead of WATCH_URL."""
CONF_DRILL: Final = "drill_day"
"""In the options: one of `DRILL_DAYS`. Never without it."""
CONF_DRILL_TIME: Final = "drill_time"
"""In the options: the local time of the weekly drill, as "10:00:00"."""
VEHICLE: Final = "vehicle"
"""The type of the subentries."""

WATCH_URL: Final = "https://owner-api.teslamotors.com/"
"""What the cloud watch asks, if the owner names nothing else. Any answer but a server's error is a sign of life."""
NEVER: Final = "never"
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DRILL_DAYS: Final = (NEVER, *WEEKDAYS)
DRILL_TIME: Final = "10:00:00"

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
