"""The computer's side of a virtual radio: bumble's host stack on an HCI transport that may vanish at any time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from bumble import hci
from bumble.core import BaseBumbleError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportLostError

T = TypeVar("T")

RECANCEL_S = 0.05
COMMAND_S = 0.5  # a controller answers a command in milliseconds, and bumble is confused by one that is given up


async def _first(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def _cancel(task: asyncio.Future[Any]) -> None:
    """Cancel until it is over: in Python 3.11 `wait_for`, which bumble uses, can swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=RECANCEL_S)


async def before(job: Coroutine[Any, Any, T], *ends: asyncio.Future[None], grace_s: float = 0.0) -> T:
    """Do the job; TransportLostError if one of `ends` comes before its end.

    bumble itself waits half a minute, or for ever, for answers that can no longer come, and cancels from within what
    waits on a connection that goes down. However this ends, the job first has `grace_s` seconds to finish.
    """
    task = asyncio.ensure_future(job)
    try:
        await _first(task, *ends)
    finally:
        if grace_s:
            await asyncio.wait({task}, timeout=grace_s)
        await _cancel(task)
    if task.cancelled():
        raise TransportLostError("the radio or the connection went away")
    return task.result()


class RadioHost:
    """One radio in use: its bumble device, and what all who share it have to know."""

    def __init__(self, transport: Transport) -> None:
        config = DeviceConfiguration(name="driveway", address=hci.Address.generate_static_address())
        self.device = Device.from_config_with_hci(config, transport.source, transport.sink)
        self.lost: asyncio.Future[None] = transport.source.terminated
        """Done when the radio is gone for good."""
        self._dialling = asyncio.Lock()  # a controller dials one peer at a time
        self._scanners: set[object] = set()

    async def run(self, job: Coroutine[Any, Any, T]) -> T:
        """Do a job of the device; TransportLostError if the radio is lost, at once if it is lost already."""
        if self.lost.done():
            job.close()
            raise TransportLostError("the radio is gone")
        return await before(job, self.lost, grace_s=COMMAND_S)

    async def scan_for(self, scanner: object, *, active: bool) -> None:
        """Let the radio scan as long as one scanner wants it; the first one says how."""
        if not self._scanners:
            await self.run(self.device.start_scanning(active=active))
        self._scanners.add(scanner)

    async def stop_scan_for(self, scanner: object) -> None:
        self._scanners.discard(scanner)
        if not self._scanners and not self.lost.done():
            await self.run(self.device.stop_scanning())

    async def dial(self, address: hci.Address) -> Connection:
        """Connect, waiting for the peer as long as it takes; when cancelled, no attempt is left behind."""
        async with self._dialling:
            if self.lost.done():
                raise TransportLostError("the radio is gone")
            attempt = asyncio.ensure_future(
                self.device.connect(address, own_address_type=hci.OwnAddressType.PUBLIC, timeout=None)
            )
            try:
                await _first(attempt, self.lost)
            finally:
                if not attempt.done():
                    await self._give_up(attempt)
            if attempt.cancelled():
                raise TransportLostError("the radio is gone")
            return attempt.result()

    async def _give_up(self, attempt: asyncio.Future[Connection]) -> None:
        """Tell the controller, or it would still connect some time later; then see the attempt end."""
        if self.lost.done():
            await _cancel(attempt)
            return
        with suppress(BaseBumbleError):  # refused if it has just connected
            await self.run(self.device.host.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command()))
        with suppress(BaseBumbleError):
            await self.disconnect(await attempt)

    async def disconnect(self, connection: Connection) -> None:
        """End a connection, or see that the peer was quicker. TransportLostError."""
        command = hci.HCI_Disconnect_Command(
            connection_handle=connection.handle, reason=hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR
        )

        async def job() -> None:  # checks when it runs, not when it is asked for
            if connection not in self.device.connections.values():
                return
            ended = asyncio.Event()
            connection.once(connection.EVENT_DISCONNECTION, lambda _reason: ended.set())
            # Refused, it has crossed the news that the connection is lost: so that is on its way, and waited for too.
            await self.device.host.send_async_command(command, check_status=False)
            await ended.wait()

        await self.run(job())

    async def hang_up(self) -> None:
        """End all connections and the scan."""
        if self._scanners and not self.lost.done():
            self._scanners.clear()
            with suppress(BaseBumbleError):
                await self.run(self.device.stop_scanning())
        for connection in list(self.device.connections.values()):
            with suppress(BaseBumbleError):
                await self.disconnect(connection)


@asynccontextmanager
async def open_host(transport_name: str) -> AsyncIterator[RadioHost]:
    """A powered host on a bumble transport, e.g. `tcp-client:HOST:PORT`.

    ValueError, OSError or BaseBumbleError where there is no such radio.
    """
    transport = await open_transport(transport_name)
    try:
        host = RadioHost(transport)
        await host.run(host.device.power_on())
        try:
            yield host
        finally:
            await host.hang_up()
    finally:
        await transport.close()
