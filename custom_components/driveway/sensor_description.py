"""What a sensor of a car shows, and ready-made descriptions for the kinds of readings that a car tells."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import Coordinator
from .entity import CarDescription
from .state import CarView, finite

_LATEST_S: Final = 4102444800
"""The year 2100: what a car says of later times is a mistake."""


@dataclass(frozen=True, kw_only=True)
class CarSensorDescription(CarDescription, SensorEntityDescription):
    """A sensor and where its value comes from; None is unknown."""

    value_fn: Callable[[Coordinator, str], StateType | datetime]
    """Takes the car's id."""
    attributes_fn: Callable[[Coordinator, str], dict[str, Any]] | None = None
    """What stands beside the value; takes the car's id."""
    tolerance: timedelta = timedelta(0)
    """By less than this a time that is forecast does not move."""


def number(
    key: str, subject: str, name: str, device_class: SensorDeviceClass | None, unit: str | None = None, **more: Any
) -> CarSensorDescription:
    """Describe a measurement, in the unit of the reading."""
    kind = {"native_unit_of_measurement": unit, "device_class": device_class}
    kind |= {"state_class": SensorStateClass.MEASUREMENT}
    return _reading(key, subject, name, lambda view: _number(view, subject, name), **kind | more)


def word(key: str, subject: str, name: str, options: tuple[str, ...], **more: Any) -> CarSensorDescription:
    """Describe one of several words; one that we do not know is unknown."""

    def known(view: CarView) -> str | None:
        told = view.text(subject, name)
        return told if told in options else None

    return _reading(key, subject, name, known, device_class=SensorDeviceClass.ENUM, options=list(options), **more)


def text(key: str, subject: str, name: str, **more: Any) -> CarSensorDescription:
    """Describe what the car has a text for; an empty one is none."""
    return _reading(key, subject, name, lambda view: view.text(subject, name) or None, **more)


def moment(key: str, subject: str, name: str, **more: Any) -> CarSensorDescription:
    """Describe a point in time that the car gives in seconds since 1970; zero is none."""

    def known(view: CarView) -> datetime | None:
        told = view.number(subject, name)
        return dt_util.utc_from_timestamp(told) if told is not None and 0 < told < _LATEST_S else None

    return _reading(key, subject, name, known, device_class=SensorDeviceClass.TIMESTAMP, **more)


def _reading(
    key: str, subject: str, name: str, value: Callable[[CarView], StateType | datetime], **more: Any
) -> CarSensorDescription:
    return CarSensorDescription(
        key=key,
        translation_key=key,
        subjects=(subject,),
        shows=(subject, name),
        value_fn=lambda coordinator, car: value(coordinator.view(car)),
        **more,
    )


def _number(view: CarView, subject: str, name: str) -> float | None:
    """Give a number as it was told: a whole one stays whole."""
    value = view.value(subject, name)
    return None if finite(value) is None else value
