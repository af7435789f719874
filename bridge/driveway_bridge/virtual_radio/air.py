"""The air between virtual radios, and a TCP port where other processes get a radio of their own on it.

One process makes the `Air`, usually the virtual car's. Another one reaches it with bumble's transport
`tcp-client:HOST:PORT`, which carries HCI: the protocol between a computer and its Bluetooth chip. Each TCP
connection is a chip; when it ends, however it ends, the chip is gone, and its peers notice as they would on a
driveway: by silence, after the supervision timeout.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

from driveway_bridge.virtual_radio.controller import Unit
from driveway_bridge.virtual_radio.hci_port import HciPort

SUPERVISION_S = 0.72  # what the car asks for, as seen in the field
RSSI_DBM = -60


class Air(LocalLink):
    """What connects the units: carries packets in order, with a delay, and only between units in range."""

    def __init__(self, *, delay_s: float = 0.0, rssi_dbm: int = RSSI_DBM, supervision_s: float = SUPERVISION_S) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.delay_s = delay_s
        self.rssi_dbm = rssi_dbm
        self.supervision_s = supervision_s
        self.ports: set[HciPort] = set()
        self._numbers = itertools.count(1)
        self._out_of_range: set[Controller] = set()
        self._in_flight: deque[Callable[[], None]] = deque()
        self._timers: set[asyncio.TimerHandle] = set()
        self._server: asyncio.Server | None = None

    @classmethod
    @asynccontextmanager
    async def serve(
        cls,
        host: str,
        port: int,
        *,
        delay_s: float = 0.0,
        rssi_dbm: int = RSSI_DBM,
        supervision_s: float = SUPERVISION_S,
    ) -> AsyncIterator[Air]:
        """An air with a TCP port for HCI (0: any free one, see `port`). OSError when it cannot be bound."""
        air = cls(delay_s=delay_s, rssi_dbm=rssi_dbm, supervision_s=supervision_s)
        air._server = await asyncio.get_running_loop().create_server(lambda: HciPort(air), host, port)
        try:
            yield air
        finally:
            air._server.close()
            air.close()
            await air._server.wait_closed()

    @property
    def port(self) -> int:
        """The TCP port that serves HCI; RuntimeError when there is none."""
        if self._server is None:
            raise RuntimeError("this air is not served")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def clients(self) -> int:
        """How many TCP clients have a unit now."""
        return len(self.ports)

    def unit(self, name: str, address: str | None = None) -> Unit:
        """A new controller on this air; without `address` it gets the next of a series."""
        return Unit(name, self, address or _address(next(self._numbers)))

    def remove(self, unit: Unit) -> None:
        """Take a unit away as if unplugged; whoever was connected to it notices after the supervision timeout."""
        self.abandon(unit)
        unit.switch_off()
        self._out_of_range.discard(unit)
        self.controllers.discard(unit)

    def take_out_of_range(self, unit: Unit) -> None:
        """From now on nobody hears this unit, nor does it hear anyone; connections end by supervision timeout."""
        self._out_of_range.add(unit)
        for own in unit.le_connections.values():
            self._supervise(unit, own)
        self.abandon(unit)

    def bring_into_range(self, unit: Unit) -> None:
        self._out_of_range.discard(unit)

    def close(self) -> None:
        """Switch everything off: units, timers, TCP clients."""
        for port in list(self.ports):
            port.close()
        for unit in [unit for unit in self.controllers if isinstance(unit, Unit)]:
            unit.switch_off()
        self.controllers.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._in_flight.clear()

    # Packets, as bumble's controllers hand them over.

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        if isinstance(packet, ll.ConnectInd):
            self._carry(lambda: self._connect(sender_controller, packet))
            return
        for unit in self.controllers:
            if unit is not sender_controller:
                self._send(sender_controller, unit, partial(unit.on_ll_advertising_pdu, packet))

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is None or receiver is None:
            return
        # bumble names the sender by its random address, and a receiver that knows the public one drops the data
        address = connection.self_address
        self._send(sender_controller, receiver, lambda: receiver.on_link_acl_data(address, transport, data))

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        sender, receiver = self.find_le_controller(sender_address), self.find_le_controller(receiver_address)
        if sender is not None and receiver is not None:  # else one side is gone: on the air, nobody hears it
            self._send(sender, receiver, lambda: receiver.on_ll_control_pdu(sender_address, packet))

    def _connect(self, initiator: Controller, request: ll.ConnectInd) -> None:
        """Bring a connection request to its advertiser; tell the initiator if nobody takes it."""
        for unit in self.controllers - self._out_of_range:
            if isinstance(unit, Unit) and unit.advertiser.accepts(request.advertiser_address):
                if initiator in self._out_of_range:
                    break
                unit.on_le_connect_ind(request)
                return
        connection = initiator.le_connections.get(request.advertiser_address)
        if connection is not None and isinstance(initiator, Unit):
            initiator.lose(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def _send(self, sender: Controller, receiver: Controller, deliver: Callable[[], None]) -> None:
        def arrive() -> None:
            if receiver in self.controllers and not self._out_of_range & {sender, receiver}:
                deliver()

        self._carry(arrive)

    def _carry(self, arrive: Callable[[], None]) -> None:
        """Let it arrive after the delay of this air, never before what was sent earlier."""
        loop = asyncio.get_running_loop()
        if not self.delay_s and not self._in_flight:
            loop.call_soon(arrive)
            return
        self._in_flight.append(arrive)
        # timers of the same instant fire in any order, so each delivers whatever is the eldest
        self._after(self.delay_s, self._arrive_next)

    def _arrive_next(self) -> None:
        self._in_flight.popleft()()

    def abandon(self, unit: Unit) -> None:
        """Let whoever is connected to this unit notice, after the supervision timeout, that it no longer answers."""
        for own in unit.le_connections.values():
            peer = self.find_le_controller(own.peer_address)
            theirs = peer.le_connections.get(own.self_address) if peer else None
            if isinstance(peer, Unit) and theirs:
                self._supervise(peer, theirs)

    def _supervise(self, unit: Unit, connection: Connection) -> None:
        self._after(self.supervision_s, lambda: unit.lose(connection))

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            action()

        timer = asyncio.get_running_loop().call_later(delay_s, fire)
        self._timers.add(timer)


def _address(number: int) -> str:
    """A public address of the locally administered kind, from a running number."""
    return ":".join(f"{byte:02X}" for byte in (0x02, *number.to_bytes(5, "big")))
