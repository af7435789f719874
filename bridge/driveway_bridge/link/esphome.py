"""ESPHome's Bluetooth proxies. The only door to aioesphomeapi, bleak_esphome and habluetooth: the extra `proxies`.

A `Session` is one connection to a proxy, from its beginning to its end; the next one is another. What the proxy hears
comes raw, each advertisement once and unchanged ones too, which presence depends on: habluetooth itself passes on only
what has changed. Its manager is there because bleak_esphome asks for one; it is not set up, so it replaces no class of
bleak, touches no D-Bus and steers no scanner.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import habluetooth
from aioesphomeapi.client import APIClient
from aioesphomeapi.core import (
    APIConnectionError,
    EncryptionPlaintextAPIError,
    InvalidEncryptionKeyAPIError,
    RequiresEncryptionAPIError,
    ResolveAPIError,
    TimeoutAPIError,
)
from aioesphomeapi.model import BluetoothProxyFeature, BluetoothScannerMode, BluetoothScannerStateResponse, DeviceInfo
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.exc import BleakError
from bleak_esphome.backend.client import ESPHomeClient, ESPHomeClientData
from bleak_esphome.backend.device import ESPHomeBluetoothDevice
from bleak_esphome.backend.scanner import ESPHomeScanner
from habluetooth.central_manager import CentralBluetoothManager

from driveway_bridge import __version__
from driveway_bridge.errors import NotReached
from driveway_bridge.link.listening import Rate
from driveway_bridge.link.way import Slots

if TYPE_CHECKING:
    from driveway_bridge.settings import ProxySettings

_LOGGER = logging.getLogger(__name__)

ANSWER_S: Final = 3.0
"""A proxy that is well answers in milliseconds; Wi-Fi at its worst loses a packet or two."""
CLOSE_S: Final = 1.0
KEEPALIVE_S: Final = 10.0
"""Between two questions whether it is still there; it is given up after 4.5 of them."""
_KEY_ERRORS: Final = (InvalidEncryptionKeyAPIError, RequiresEncryptionAPIError, EncryptionPlaintextAPIError)
_NAMES: Final = (0x08, 0x09)
"""Types of an advertisement's fields: shortened and complete local name."""
_FULL: Final = ("No free BLE connection slot", "out of connection slots", "No free connections")


class TakenAway(BleakError):
    """Another program has what the proxy hears."""


class _Manager(habluetooth.BluetoothManager):
    """What bleak_esphome insists on. Nothing is discovered through it."""

    def _discover_service_info(self, _service_info: Any) -> None:
        """Take no note."""


def _local_name(data: bytes) -> str | None:
    """The name in the fields of an advertisement, each led by its length and type; cut ones end it."""
    at = 0
    while at + 1 < len(data) and data[at]:
        if data[at + 1] in _NAMES:
            return data[at + 2 : at + 1 + data[at]].decode(errors="replace")
        at += 1 + data[at]
    return None


def _address(number: int) -> str:
    return ":".join(f"{byte:02X}" for byte in number.to_bytes(6, "big", signed=False))


class Session:
    """One connection to one proxy. Use `open`, then `listen`; `lost` is done when it is over."""

    def __init__(self, client: APIClient, lost: asyncio.Future[None]) -> None:
        self.lost = lost
        self._client = client
        self._hear: AdvertisementDataCallback | None = None
        self._source = ""
        self._tells_state = False
        self._state = asyncio.Event()
        self._heard = asyncio.Event()
        self._rate = Rate()
        self._client_data: ESPHomeClientData | None = None
        self._device: ESPHomeBluetoothDevice | None = None
        self._ends: set[Callable[[], None]] = set()

    @classmethod
    async def open(cls, settings: ProxySettings, within_s: float) -> Session:
        """Connect. NotReached `proxy_unreachable`, `proxy_key_wrong` or `proxy_unsuitable`."""
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        client = APIClient(
            settings.host,
            settings.port,
            noise_psk=settings.key,
            client_info=f"Driveway {__version__}",
            keepalive=KEEPALIVE_S,
            provide_time=False,
        )
        session = cls(client, lost)
        try:
            async with asyncio.timeout(within_s):
                await client.connect(on_stop=session._on_stop, log_errors=False)
                session._understand(await client.device_info())
        except BaseException as error:
            client.force_disconnect()
            if isinstance(error, _KEY_ERRORS):
                raise NotReached("proxy_key_wrong", _words(error)) from error
            if isinstance(error, (APIConnectionError, OSError)):  # TimeoutError is an OSError
                raise NotReached("proxy_unreachable", f"{settings.host}:{settings.port}: {_why(error)}") from error
            raise
        return session

    # What bleak is given ----------------------------------------------------------------------------------------------

    def scanner_class(self) -> type[BaseBleakScanner]:
        """The class for bleak's `BleakScanner(backend=...)`."""
        session = self

        class Scanner(BaseBleakScanner):
            """What the proxy hears, from `start` to `stop`."""

            def __init__(
                self,
                detection_callback: AdvertisementDataCallback | None,
                service_uuids: list[str] | None,
                _scanning_mode: str,
                **_platform: Any,
            ) -> None:
                super().__init__(detection_callback, service_uuids)

            async def start(self) -> None:
                """Listen. BleakError when the proxy is gone; TakenAway when another program keeps it."""
                await session.listen(self.call_detection_callbacks)

            async def stop(self) -> None:
                """Hear nothing any more."""
                session.stop_listening()

        return Scanner

    def client_class(self) -> type[ESPHomeClient]:
        """The class for bleak's `BleakClient(backend=...)`."""
        assert self._client_data is not None  # noqa: S101 - `open` has understood what it is
        known = self._client_data

        class Client(ESPHomeClient):
            """bleak_esphome's client, on this proxy."""

            def __init__(self, device: BLEDevice, **options: Any) -> None:
                super().__init__(device, client_data=known, **options)

        return Client

    @property
    def slots(self) -> Slots | None:
        """Its connections; None while the proxy has not told."""
        device = self._device
        if device is None or not device.ble_connections_limit:
            return None
        return Slots(free=device.ble_connections_free, limit=device.ble_connections_limit)

    @property
    def lively(self) -> int:
        """How many advertisements it heard in the minute before the last one."""
        return 0 if self._rate.last_at is None else self._rate.per_minute(self._rate.last_at)

    # Listening --------------------------------------------------------------------------------------------------------

    async def listen(self, hear: AdvertisementDataCallback) -> None:
        """Give `hear` each advertisement from now on. BleakError when it cannot be had."""
        await self.claim()
        self._hear = hear

    def stop_listening(self) -> None:
        """Hear nothing any more; the proxy goes on, and stays ours."""
        self._hear = None

    async def claim(self) -> None:
        """Ask for all that the proxy hears. Proxies serve one program: of new ones the latest, of old ones the first.

        BleakError when it is gone, does not answer, or (TakenAway) keeps serving another.
        """
        self._state.clear()
        try:
            self._client.subscribe_bluetooth_le_raw_advertisements(self._on_raw)
            if not self._tells_state:
                await self.check()
                return
            self._client.bluetooth_scanner_set_mode(BluetoothScannerMode.ACTIVE)  # the car's name needs it
        except APIConnectionError as error:
            raise BleakError(_words(error)) from error
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._state.wait()
        except TimeoutError:
            await self.check()
            raise TakenAway("the proxy answers, and serves another program") from None

    async def check(self) -> None:
        """See that the proxy is still there. BleakError when it is not: then this session is over."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._client.device_info()
        except (APIConnectionError, TimeoutError) as error:
            self._client.force_disconnect()
            raise BleakError(f"the proxy does not answer any more: {_words(error)}") from error

    async def hears_within(self, seconds: float) -> bool:
        """Whether anybody is heard in that time."""
        self._heard.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """End the connection; the proxy hangs up on the car by itself."""
        self._hear = None
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._client.disconnect()
        except (APIConnectionError, TimeoutError) as error:
            _LOGGER.debug("The proxy could not be given back in order: %s", _words(error))
            self._client.force_disconnect()
        self._end()

    # Inside -----------------------------------------------------------------------------------------------------------

    def _understand(self, info: DeviceInfo) -> None:
        """See what it can do, and have it tell its free connections. NotReached `proxy_unsuitable`."""
        version = self._client.api_version
        assert version is not None  # noqa: S101 - it is connected
        flags = info.bluetooth_proxy_feature_flags_compat(version)
        if not flags & BluetoothProxyFeature.RAW_ADVERTISEMENTS or not flags & BluetoothProxyFeature.REMOTE_CACHING:
            what = "an old version" if flags else "no `bluetooth_proxy`"
            raise NotReached("proxy_unsuitable", f"{info.name} has {what} (ESPHome {info.esphome_version})")
        if not flags & BluetoothProxyFeature.ACTIVE_CONNECTIONS:
            raise NotReached("proxy_unsuitable", f"{info.name} may only listen: it lacks `active: true`")
        self._tells_state = bool(flags & BluetoothProxyFeature.FEATURE_STATE_AND_MODE)
        self._source = info.bluetooth_mac_address or info.mac_address
        self._device = ESPHomeBluetoothDevice(info.name, self._source, available=True)
        if CentralBluetoothManager.manager is None:
            habluetooth.set_manager(_Manager())
        self._client_data = ESPHomeClientData(
            bluetooth_device=self._device,
            client=self._client,
            device_info=info,
            api_version=version,
            title=info.name,
            scanner=ESPHomeScanner(self._source, info.name, None, True),
            disconnect_callbacks=self._ends,
        )
        self._client.subscribe_bluetooth_scanner_state(self._on_state)
        self._client.subscribe_bluetooth_connections_free(self._device.async_update_ble_connection_limits)

    def _on_state(self, _state: BluetoothScannerStateResponse) -> None:
        self._state.set()  # it is told to whom the proxy serves, and to nobody else

    def _on_raw(self, raw: Any) -> None:
        self._heard.set()
        now = asyncio.get_running_loop().time()
        for _ in raw.advertisements:
            self._rate.count(now)
        hear = self._hear
        if hear is None:
            return
        for one in raw.advertisements:
            name, address = _local_name(one.data), _address(one.address)
            device = BLEDevice(address, name, {"source": self._source, "address_type": one.address_type})
            data = AdvertisementData(
                local_name=name,
                manufacturer_data={},
                service_data={},
                service_uuids=[],
                tx_power=None,
                rssi=one.rssi,
                platform_data=(),
            )
            hear(device, data)
            if self._hear is not hear:  # who heard that wants no more of it
                return

    async def _on_stop(self, _expected: bool) -> None:  # noqa: FBT001 - as it is called
        self._end()

    def _end(self) -> None:
        if self._device is not None:
            self._device.async_set_unavailable()
        for end in tuple(self._ends):
            end()
        if not self.lost.done():
            self.lost.set_result(None)


def cause(error: BaseException) -> str | None:
    """The reason code of an error of this library; None for all others."""
    if isinstance(error, TakenAway):
        return "proxy_taken"
    return "proxy_full" if any(words in str(error) for words in _FULL) else None


def _why(error: BaseException) -> str:
    """Why there is no connection, as short as an owner needs it."""
    if isinstance(error, ResolveAPIError):
        return "nothing in the network has this name"
    cause = error.__cause__
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__
    if isinstance(cause, OSError):
        return os.strerror(cause.errno) if cause.errno else str(cause.strerror)
    return "no answer" if isinstance(error, (TimeoutError, TimeoutAPIError)) else _words(error)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
