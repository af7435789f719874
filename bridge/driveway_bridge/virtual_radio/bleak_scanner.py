"""bleak's scanner on the virtual radio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Advertisement, Device

from driveway_bridge.virtual_radio.uuids import long_form

if TYPE_CHECKING:
    from driveway_bridge.virtual_radio.host import RadioHost

_UUID_SIZES = {
    AdvertisingData.Type.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS: 2,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    AdvertisingData.Type.COMPLETE_LIST_OF_32_BIT_SERVICE_CLASS_UUIDS: 4,
    AdvertisingData.Type.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
    AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS: 16,
}
_SERVICE_DATA_SIZES = {
    AdvertisingData.Type.SERVICE_DATA_16_BIT_UUID: 2,
    AdvertisingData.Type.SERVICE_DATA_32_BIT_UUID: 4,
    AdvertisingData.Type.SERVICE_DATA_128_BIT_UUID: 16,
}


def _uuid(data: bytes) -> str:
    return long_form(UUID.from_bytes(data))


def advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    """What bleak tells of one advertisement; the platform data says whether it can be connected to."""
    name: str | None = None
    power: int | None = None
    uuids: list[str] = []
    makers: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}
    for number, data in advertisement.data.ad_structures:
        kind = AdvertisingData.Type(number)
        if kind in (AdvertisingData.Type.COMPLETE_LOCAL_NAME, AdvertisingData.Type.SHORTENED_LOCAL_NAME):
            name = data.decode(errors="replace")
        elif size := _UUID_SIZES.get(kind):
            uuids += [_uuid(data[start : start + size]) for start in range(0, len(data), size)]
        elif size := _SERVICE_DATA_SIZES.get(kind):
            service_data[_uuid(data[:size])] = data[size:]
        elif kind == AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA:
            makers[int.from_bytes(data[:2], "little")] = data[2:]
        elif kind == AdvertisingData.Type.TX_POWER_LEVEL:
            power = int.from_bytes(data[:1], "little", signed=True)
    return AdvertisementData(
        local_name=name,
        manufacturer_data=makers,
        service_data=service_data,
        service_uuids=uuids,
        tx_power=power,
        rssi=advertisement.rssi,
        platform_data=({"connectable": advertisement.is_connectable},),
    )


class VirtualScanner(BaseBleakScanner):
    """Made by bleak; `host` is set in the subclass that `bleak_backend.adapter` gives out."""

    host: ClassVar[RadioHost]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None = None,
        service_uuids: list[str] | None = None,
        scanning_mode: str = "active",
        **_platform: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"

    async def start(self) -> None:
        """Start; BleakBluetoothNotAvailableError if the radio is gone."""
        self.seen_devices = {}
        try:
            await self.host.scan_for(self, active=self._active)
        except BaseBumbleError as error:
            raise BleakBluetoothNotAvailableError(str(error), BleakBluetoothNotAvailableReason.NO_BLUETOOTH) from error
        self.host.device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)

    async def stop(self) -> None:
        """Stop; nothing to do if it was not started or the radio is gone."""
        if self._on_advertisement in self.host.device.listeners(Device.EVENT_ADVERTISEMENT):
            self.host.device.remove_listener(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        try:
            await self.host.stop_scan_for(self)
        except BaseBumbleError as error:
            raise BleakBluetoothNotAvailableError(str(error), BleakBluetoothNotAvailableReason.NO_BLUETOOTH) from error

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        data = advertisement_data(advertisement)
        address = advertisement.address.to_string(with_type_qualifier=False)
        if known := self.seen_devices.get(address):  # what the scan response told stays known, as with BlueZ
            _, old = known
            data = data._replace(
                local_name=data.local_name or old.local_name,
                service_uuids=list(dict.fromkeys([*old.service_uuids, *data.service_uuids])),
            )
        if self.is_allowed_uuid(data.service_uuids):
            device = self.create_or_update_device(address, address, data.local_name, advertisement.address, data)
            self.call_detection_callbacks(device, data)
