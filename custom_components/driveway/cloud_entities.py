"""How the maker's cloud is, on a service device of the household: it is seen from here, whichever bridges there are."""

from typing import override

from homeassistant.components.event import ATTR_EVENT_TYPE, EventEntity, EventEntityDescription
from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .cloud_watch import Cloud, CloudWatch
from .const import DOMAIN, MANUFACTURER
from .coordinator import DrivewayConfigEntry
from .wording import async_common_text

SENSOR = SensorEntityDescription(
    key="cloud",
    translation_key="cloud",
    device_class=SensorDeviceClass.ENUM,
    options=list(Cloud),
    entity_category=EntityCategory.DIAGNOSTIC,
)
EVENT = EventEntityDescription(key="cloud", translation_key="cloud", event_types=list(Cloud))

ATTR_TEXT = "text"


def _identifier(entry: DrivewayConfigEntry) -> tuple[str, str]:
    return (DOMAIN, f"{entry.entry_id}-cloud")


@callback
def async_remove_device(hass: HomeAssistant, entry: DrivewayConfigEntry) -> None:
    """Take the device away, with its entities: the watch is off."""
    devices = dr.async_get(hass)
    if device := devices.async_get_device_by_identifier(_identifier(entry), entry.entry_id):
        devices.async_remove_device(device.id)


class CloudEntity(CoordinatorEntity[CloudWatch]):
    """Something about the cloud."""

    _attr_has_entity_name = True

    def __init__(self, watch: CloudWatch, entry: DrivewayConfigEntry, key: str) -> None:
        super().__init__(watch)
        self._attr_unique_id = f"{entry.entry_id}-{key}"
        self._attr_device_info = dr.DeviceInfo(
            identifiers={_identifier(entry)},
            entry_type=dr.DeviceEntryType.SERVICE,
            manufacturer=MANUFACTURER,
            translation_key="cloud",
        )


class CloudSensor(CloudEntity, SensorEntity):
    """How it is now."""

    entity_description = SENSOR

    @property
    @override
    def native_value(self) -> str | None:
        return self.coordinator.data


class CloudEvent(CloudEntity, EventEntity):
    """That it has changed, with a sentence for a notification; a restart brings none."""

    entity_description = EVENT
    _told: Cloud
    _texts: dict[Cloud, str]

    @override
    async def async_added_to_hass(self) -> None:
        self._texts = {cloud: await async_common_text(self.hass, f"cloud_{cloud}") for cloud in Cloud}
        told = self.state_attributes.get(ATTR_EVENT_TYPE)
        self._told = Cloud(told) if told in set(Cloud) else Cloud.REACHABLE
        await super().async_added_to_hass()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        seen = self.coordinator.data
        if seen is not None and seen is not self._told:
            self._told = seen
            self._trigger_event(seen, {ATTR_TEXT: self._texts[seen]})
        super()._handle_coordinator_update()
