"""A backend for bleak on bumble's host stack: the virtual radio through bleak's public API.

    async with adapter("tcp-client:127.0.0.1:6402") as radio:
        async with BleakScanner(callback, backend=radio.scanner): ...
        client = BleakClient(device, backend=radio.client)

Any transport of bumble that carries HCI will do. When it is lost (the process at the other end has gone), links end,
scans and connection attempts fail with BleakError, and a new adapter must be made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason
from bumble.core import BaseBumbleError

from driveway_bridge.virtual_radio.bleak_client import VirtualClient
from driveway_bridge.virtual_radio.bleak_scanner import VirtualScanner
from driveway_bridge.virtual_radio.host import open_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The two classes for bleak's `backend=`, and the news that their radio is gone for good."""

    scanner: type[BaseBleakScanner]
    client: type[BaseBleakClient]
    lost: asyncio.Future[None]


@asynccontextmanager
async def adapter(transport_name: str) -> AsyncIterator[Backend]:
    """A radio on a bumble transport; BleakBluetoothNotAvailableError where there is none."""
    async with AsyncExitStack() as stack:
        try:
            radio_host = await stack.enter_async_context(open_host(transport_name))
        except (ValueError, OSError, BaseBumbleError) as error:
            detail = f"{transport_name}: {error}"
            raise BleakBluetoothNotAvailableError(detail, BleakBluetoothNotAvailableReason.NO_BLUETOOTH) from error

        class Scanner(VirtualScanner):
            host = radio_host

        class Client(VirtualClient):
            host = radio_host

        yield Backend(scanner=Scanner, client=Client, lost=radio_host.lost)
