"""A Bluetooth controller on the virtual radio: bumble's, corrected where it strays from the specification.

What google/bumble 0.0.236 lacks, and a host (bumble's own, or a Linux kernel) stumbles over:

- the scan response repeats the advertisement instead of carrying its own data;
- advertising that cannot be connected to is never sent;
- the advertising interval is read as milliseconds instead of units of 0.625 ms;
- a cancelled connection attempt goes on, and the host waits for its end in vain;
- a disconnection that the peer was quicker with is promised, and never reported;
- a reset resets nothing, so that a chip whose host went away in the midst of a scan refuses the next one;
- LL privacy and extended advertising are claimed, but their events are never sent;
- a packet carries 27 bytes, so that 200 bytes need 8 of them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bumble import hci, ll
from bumble.controller import Connection, Controller, LegacyAdvertiser

if TYPE_CHECKING:
    from bumble.core import PhysicalTransport

    from driveway_bridge.virtual_radio.air import Air

ADVERTISING_UNIT_S = 0.000625  # Core specification, LE Set Advertising Parameters
DATA_OCTETS = 251  # the most a link-layer packet can carry; what present-day chips do

_AdvertisingType = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
_Report = hci.HCI_LE_Advertising_Report_Event
_SCANNABLE = (_AdvertisingType.ADV_IND, _AdvertisingType.ADV_SCAN_IND)
_ACTIVE_SCAN = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement(ll.AdvertisingPdu):
    """One advertising event as it goes on air, with the answer that its sender gives to a scan request."""

    address: hci.Address
    kind: int
    data: bytes
    scan_response: bytes
    rssi_dbm: int

    @property
    def connectable(self) -> bool:
        return self.kind == _AdvertisingType.ADV_IND


class Advertiser(LegacyAdvertiser):
    """Sends what the host asked to be advertised, connectable or not, at the interval it asked for."""

    controller: Unit

    def accepts(self, address: hci.Address) -> bool:
        """Whether a connection request for `address` is answered now."""
        connectable = self.advertising_type == _AdvertisingType.ADV_IND
        return self.enabled and connectable and self.address == address

    def start(self) -> None:
        self.stop()
        self.enabled = True
        self.timer_handle = asyncio.get_running_loop().call_soon(self._advertise)

    def _advertise(self) -> None:
        self.send_advertising_data()
        interval = self.advertising_interval_min * ADVERTISING_UNIT_S
        self.timer_handle = asyncio.get_running_loop().call_later(interval, self._advertise)

    def send_advertising_data(self) -> None:
        scannable = self.advertising_type in _SCANNABLE
        self.controller.send_advertising_pdu(
            Advertisement(
                address=self.address,
                kind=self.advertising_type,
                data=self.advertising_data,
                scan_response=self.scan_response_data if scannable else b"",
                rssi_dbm=self.controller.rssi_dbm,
            )
        )


class Unit(Controller):
    """A controller on `air`, with a public address of its own; what a USB dongle is to a computer."""

    le_acl_data_packet_length = DATA_OCTETS
    supported_max_tx_octets = supported_max_rx_octets = suggested_max_tx_octets = DATA_OCTETS
    le_features = (
        hci.LeFeatureMask.LE_ENCRYPTION
        | hci.LeFeatureMask.LE_PING
        | hci.LeFeatureMask.LE_DATA_PACKET_LENGTH_EXTENSION
        | hci.LeFeatureMask.LE_2M_PHY
    )

    def __init__(self, name: str, air: Air, address: str) -> None:
        super().__init__(name, link=air, public_address=address)
        self.air = air
        self.le_legacy_advertiser = self.advertiser = Advertiser(self)
        self.own_rssi_dbm: int | None = None
        self.gain_db = 0
        """By how much better than others it hears; less than 0 for one that stands farther away."""

    @property
    def rssi_dbm(self) -> int:
        """How strongly others hear this unit: its own figure, else that of the air."""
        return self.air.rssi_dbm if self.own_rssi_dbm is None else self.own_rssi_dbm

    def switch_off(self) -> None:
        """Fall silent for good: nothing is sent or reported any more."""
        self.advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.host = None

    # What comes in from the air.

    def on_ll_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        if isinstance(packet, Advertisement):
            self._hear(packet)
        else:
            super().on_ll_advertising_pdu(packet)

    def _hear(self, packet: Advertisement) -> None:
        if self.le_scan_enable:
            self._report(packet, packet.kind, packet.data)
            if self.le_scan_type == _ACTIVE_SCAN and packet.scan_response:
                self._report(packet, _Report.EventType.SCAN_RSP, packet.scan_response)
        wanted = self.pending_le_connection
        if wanted and packet.connectable and wanted.peer_address == packet.address:
            if stale := self.le_connections.get(packet.address):
                self.lose(stale)  # the host has forgotten it, or it would not dial
            self.create_le_connection(packet.address)

    def _report(self, packet: Advertisement, kind: int, data: bytes) -> None:
        report = _Report.Report(
            event_type=kind,
            address_type=packet.address.address_type,
            address=packet.address,
            data=data,
            rssi=packet.rssi_dbm + self.gain_db,
        )
        self.send_hci_packet(_Report([report]))

    def on_le_connect_ind(self, packet: ll.ConnectInd) -> None:
        if stale := self.le_connections.get(packet.initiator_address):
            self.lose(stale)  # the initiator has forgotten it, or it would not dial
        super().on_le_connect_ind(packet)

    def on_ll_control_pdu(self, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        if sender_address in self.le_connections:  # else it crossed our own goodbye on the air
            super().on_ll_control_pdu(sender_address, packet)

    def on_link_acl_data(self, sender_address: hci.Address, transport: PhysicalTransport, data: bytes) -> None:
        if sender_address in self.le_connections:
            super().on_link_acl_data(sender_address, transport, data)

    def lose(
        self, connection: Connection, reason: hci.HCI_ErrorCode = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
    ) -> None:
        """Tell the host that `connection` is lost, if this unit still has it."""
        if self.le_connections.get(connection.peer_address) is connection:
            self.on_le_disconnected(connection, reason)

    # What the host commands.

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        """Forget what the host had asked for; connections are gone, which nobody is told of."""
        self.advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.air.abandon(self)
        self.le_connections.clear()
        return super().on_hci_reset_command(command)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        if self.find_connection_by_handle(packet.connection_handle):  # else it crossed the news of the loss
            super().on_hci_acl_data_packet(packet)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        if self.find_connection_by_handle(command.connection_handle):
            super().on_hci_disconnect_command(command)
        else:  # the original says yes, and the host waits for the event in vain
            unknown = hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
            self._send_hci_command_status(unknown, command.op_code)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give the attempt up, and say so in a connection event, after the answer to this command."""
        wanted, self.pending_le_connection = self.pending_le_connection, None
        if wanted is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=wanted.peer_address.address_type,
            peer_address=wanted.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)
