"""Cars and bridges in Home Assistant's registries: a bridge is a service device, a car a subentry and a device."""

from collections.abc import Iterable
from types import MappingProxyType

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .const import CONF_CAR, CONF_IGNORED_CARS, DOMAIN, MANUFACTURER, VEHICLE
from .contract import CarInfo
from .household import Bridge


def cars_of(entry: ConfigEntry) -> dict[str, ConfigSubentry]:
    """Give the subentries of an entry's cars, by car id."""
    return {subentry.data[CONF_CAR]: subentry for subentry in entry.get_subentries_of_type(VEHICLE)}


def shown_elsewhere(hass: HomeAssistant, base: str) -> dict[str, str]:
    """Give the cars that entries with another base topic show, and the titles of these: a car is one device."""
    others = (entry for entry in hass.config_entries.async_entries(DOMAIN) if entry.unique_id != base)
    return {car: entry.title for entry in others for car in cars_of(entry)}


@callback
def async_ignore(hass: HomeAssistant, entry: ConfigEntry, cars: Iterable[str]) -> None:
    """Set which cars do not come by themselves, though a bridge has them."""
    hass.config_entries.async_update_entry(entry, data=entry.data | {CONF_IGNORED_CARS: sorted(cars)})


@callback
def async_adopt(hass: HomeAssistant, entry: ConfigEntry, car: CarInfo) -> None:
    """Add a car that we did not know, unless the owner wants it elsewhere or not at all; else follow name and model."""
    subentry = cars_of(entry).get(car.id)
    if subentry is None:
        if car.id in entry.data.get(CONF_IGNORED_CARS, ()) or car.id in shown_elsewhere(hass, entry.unique_id or ""):
            return
        subentry = ConfigSubentry(
            data=MappingProxyType({CONF_CAR: car.id}), subentry_type=VEHICLE, title=car.name, unique_id=car.id
        )
        hass.config_entries.async_add_subentry(entry, subentry)
        return
    # A name that the owner gave to the device in Home Assistant is another field, and stays.
    hass.config_entries.async_update_subentry(entry, subentry, title=car.name)
    devices = dr.async_get(hass)
    if device := devices.async_get_device_by_identifier((DOMAIN, car.id), entry.entry_id):
        devices.async_update_device(device.id, name=car.name, model=car.model)


@callback
def async_register(hass: HomeAssistant, entry: ConfigEntry, bridge: Bridge) -> None:
    """Keep the bridge's device, which the cars hang on."""
    devices = dr.async_get(hass)
    name: str | None = entry.title
    version: str | None = None
    if bridge.info:
        name, version = bridge.info.name, bridge.info.version
    elif known := devices.async_get_device_by_identifier((DOMAIN, bridge.id), entry.entry_id):
        name, version = known.name, known.sw_version
    devices.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, bridge.id)},
        entry_type=dr.DeviceEntryType.SERVICE,
        manufacturer=MANUFACTURER,
        model="Bridge",
        name=name,
        sw_version=version,
    )
