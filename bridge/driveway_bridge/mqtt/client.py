"""One connection to the MQTT broker: the only place where paho is used, on the event loop and without its thread.

Each connection has a paho client of its own. One that is used again delivers what was published while it was away,
and neither a command nor an answer from before must ever come late.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from driveway_bridge.contract import OFFLINE
from driveway_bridge.mqtt.broker import Broker, Message, NoConnection
from driveway_bridge.mqtt.paho_loop import MAX_PACKET, PahoClient, Version, paho

if TYPE_CHECKING:
    from driveway_bridge.mqtt.tls import Encryption

__all__ = ["Broker", "Client", "Message", "NoConnection", "Version"]

CONNECT_S: Final = 5.0
"""For name, TCP and TLS; once more for the broker's answer to CONNECT and SUBSCRIBE."""
KEEPALIVE_S: Final = 15
"""A frozen broker is noticed after two of them."""
AT_ONCE: Final = 16
"""Packets that are worked off in one go, before the car and everybody else have their turn."""
MAX_EARLY: Final = 100
"""Messages that are kept while the broker has not yet said that it lets us listen."""
RECEIVE_BUFFER: Final = 256 * 1024
"""Bytes that the system keeps for us. In a flood the rest waits at the broker, which drops what does not fit into its
queue: what would be read after minutes is of no use to anybody. Much less makes a broker on the same computer slow."""
MAX_UNSENT: Final = 256 * 1024
"""Bytes that the broker has not taken yet. Beyond that it takes nothing any more, and the connection is given up."""


class Client:
    """One connection, from `open` until `lost` is done (with the reason as text)."""

    def __init__(
        self,
        broker: Broker,
        version: Version,
        on_message: Callable[[Message], None],
        on_problem: Callable[[str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._broker = broker
        self.version = version
        self._on_message = on_message
        self._on_problem = on_problem
        self._unsent: dict[int, int] = {}
        self._awaited: dict[int, asyncio.Future[None]] = {}
        self._unsent_bytes = 0
        self._accepted: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._subscribed: asyncio.Future[bool] = self._loop.create_future()
        self._upkeep: asyncio.TimerHandle | None = None
        self._again: asyncio.Handle | None = None
        self._remark: str | None = None
        self._early: list[Message] | None = []
        """What came before `open` was over: nobody could answer it yet."""
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._where = f"the MQTT broker at {broker.host}:{broker.port}"
        self._paho = self._new_paho()

    def _new_paho(self) -> PahoClient:
        client = PahoClient(self._broker.client_id, self.version)
        client.connect_timeout = CONNECT_S
        client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.will_topic is not None:
            # Without an expiry: an "offline" that vanishes would say nothing.
            client.will_set(self._broker.will_topic, OFFLINE, qos=1, retain=True)
        return client

    # Opening ----------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect and subscribe. NoConnection with a text for the owner; then this object is of no more use."""
        where = self._where
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._dial()
        except TimeoutError as error:
            raise NoConnection(f"{where} did not answer within {CONNECT_S:g} s") from error
        except (OSError, ValueError) as error:  # the latter for what cannot be the name of a computer
            raise NoConnection(f"{where} is not reached: {getattr(error, 'strerror', None) or error}") from error
        if self._remark is not None:
            self._on_problem(self._remark)
        self._hook()
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._handshake()
        except TimeoutError as error:
            self.abort("no answer")
            raise NoConnection(f"{where} does not answer, though something listens there", try_older=True) from error
        except BaseException:
            self.abort("not wanted")
            raise
        early, self._early = self._early or (), None
        for message in early:
            self._loop.call_soon(self._on_message, message)

    async def _handshake(self) -> None:
        where = self._where
        answer = await self._unless_lost(self._accepted)
        if answer is None:
            raise self._hung_up()
        if answer.is_failure:
            name = str(answer)
            if name == "Unsupported protocol version":
                raise NoConnection(f"{where} has no MQTT {self.version.value}", try_older=True)
            if name in ("Bad user name or password", "Not authorized"):
                raise NoConnection(f"{where} refuses the user name or the password: check `mqtt` in the configuration")
            raise NoConnection(f"{where} refuses the connection: {name}")
        self._subscribe()
        granted = await self._unless_lost(self._subscribed)
        if granted is None:
            raise NoConnection(f"{where} hung up while the bridge subscribed")
        if not granted:
            text = f"{where} does not let the bridge listen to its topics: check the broker's access rules"
            raise NoConnection(text, deaf=True)

    def _hung_up(self) -> NoConnection:
        """What it means when the broker says nothing and goes."""
        if self._broker.tls is None:
            guess = "if it wants TLS there, add `tls: yes`"
        else:
            from driveway_bridge.mqtt import tls

            fault = self._paho.fault
            if fault is not None and tls.is_refusal(fault):  # with TLS 1.3 it is said after the handshake
                return NoConnection(f"{self._where} {tls.explain(fault)}")
            guess = tls.guess(self._broker.tls)
        return NoConnection(f"{self._where} hung up at once; {guess}", try_older=True)

    def _subscribe(self) -> None:
        # As published: a command that its sender wants stored is recognised already when it is given.
        options = SubscribeOptions(qos=0, retainAsPublished=True)
        if self.version is Version.V5:
            self._paho.subscribe([(topic, options) for topic in self._broker.subscriptions])
        else:
            self._paho.subscribe([(topic, options.QoS) for topic in self._broker.subscriptions])

    async def _unless_lost(self, future: asyncio.Future[Any]) -> Any | None:
        await asyncio.wait((future, self.lost), return_when=asyncio.FIRST_COMPLETED)
        return future.result() if future.done() else None

    async def _dial(self) -> None:
        """Run paho's blocking connect in a thread that nobody has to wait for, not even at the end of the process."""
        done: asyncio.Future[None] = self._loop.create_future()

        def settle(error: Exception | None) -> None:
            if done.done():
                self._discard()  # nobody wants this connection any more
            elif error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def connect() -> None:
            error: Exception | None = None
            try:
                self._connect()
            except Exception as caught:  # noqa: BLE001 - whatever it is belongs to whoever waits
                error = caught
                self._discard()
            try:
                self._loop.call_soon_threadsafe(settle, error)
            except RuntimeError:  # the loop has ended meanwhile
                self._discard()

        threading.Thread(target=connect, name="mqtt-connect", daemon=True).start()
        await done

    def _connect(self) -> None:
        if self._broker.tls is None:
            self._connect_paho()
        else:
            from driveway_bridge.mqtt import tls

            try:
                self._remark = tls.connect(self._broker.tls, self._paho, self._connect_paho)
            except tls.NoTls as error:
                raise NoConnection(f"{self._where} {error}") from error
        connected = self._paho.connected_socket()
        if connected is None:
            raise self._hung_up()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def _connect_paho(self) -> None:
        host, port = self._broker.host, self._broker.port
        if self.version is Version.V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MAX_PACKET
            self._paho.connect(host, port, keepalive=KEEPALIVE_S, clean_start=True, properties=properties)
        else:
            self._paho.connect(host, port, keepalive=KEEPALIVE_S)

    # On the event loop ------------------------------------------------------------------------------------------------

    def _hook(self) -> None:
        client = self._paho
        client.on_connect = lambda _c, _u, _flags, reason, _p: _settle(self._accepted, reason)
        client.on_disconnect = lambda _c, _u, _flags, reason, _p: self.abort(str(reason))
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_paho_message
        client.on_socket_register_write = lambda _c, _u, sock: self._loop.add_writer(sock, self._writable)
        client.on_socket_unregister_write = self._forget_writer
        client.on_socket_close = self._forget_reader
        connected = client.socket()
        if connected is None:
            self.abort("the connection broke at once")
            return
        self._loop.add_reader(connected, self._readable)
        if client.want_write():
            self._loop.add_writer(connected, self._writable)
        self._keep_up()

    def _forget_writer(self, _c: paho.Client, _u: Any, connected: paho.SocketLike) -> None:
        self._loop.remove_writer(connected)

    def _forget_reader(self, _c: paho.Client, _u: Any, connected: paho.SocketLike) -> None:
        self._loop.remove_reader(connected)

    def _readable(self) -> None:
        if self._again is None:
            self._read()

    def _read(self) -> None:
        self._again = None
        for _ in range(AT_ONCE):
            if self.lost.done():
                return
            self._drive(self._paho.loop_read)
            if not self._paho.holds_more:
                break
        else:  # the system does not tell again of what was read already
            self._again = self._loop.call_soon(self._read)
        connected = self._paho.connected_socket()
        if connected is not None and hasattr(socket, "TCP_QUICKACK"):
            # A broker with Nagle's algorithm waits for our acknowledgement.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _writable(self) -> None:
        self._drive(self._paho.loop_write)

    def _keep_up(self) -> None:
        self._upkeep = self._loop.call_later(1.0, self._keep_up)
        self._drive(self._paho.loop_misc)

    def _drive(self, step: Callable[[], MQTTErrorCode]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - a packet that paho cannot read must not be read again and again
            self.abort(f"{type(error).__name__} while a packet was read")

    def _on_paho_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # none of ours
        arrived = Message(topic, bytes(message.payload), message.retain)
        if self._early is None:
            # Not from within paho: an error there would leave it with half a packet.
            self._loop.call_soon(self._on_message, arrived)
        elif len(self._early) < MAX_EARLY:
            self._early.append(arrived)

    def _on_subscribe(self, _c: paho.Client, _u: Any, _mid: int, reasons: list[ReasonCode], _p: Properties) -> None:
        granted = not any(reason.is_failure for reason in reasons)
        if self._subscribed.done() and not granted:
            self._on_problem("the MQTT broker no longer lets the bridge listen to its topics: check its access rules")
        _settle(self._subscribed, granted)

    def _on_publish(self, _c: paho.Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties) -> None:
        self._unsent_bytes -= self._unsent.pop(mid, 0)
        if mid in self._awaited:
            _settle(self._awaited.pop(mid), None)
        if reason.is_failure:
            self._on_problem(f"the MQTT broker does not take what the bridge publishes: {reason}")

    # Use --------------------------------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: str, *, retain: bool, qos: int) -> bool:
        """Hand a message over; False when the connection is lost, or is given up because the broker takes nothing."""
        return self._publish(topic, payload, retain=retain, qos=qos) is not None

    @property
    def encryption(self) -> Encryption | None:
        """How the connection is encrypted; None when it is not."""
        if self._broker.tls is None:
            return None
        from driveway_bridge.mqtt import tls

        return tls.encryption_of(self._paho.connected_socket())

    def listen_again(self) -> None:
        """Subscribe anew, on the same connection."""
        if not self.lost.done():
            self._subscribe()

    async def close(self, within_s: float) -> None:
        """Take leave: `offline`, once the broker has that an orderly end, all within so many seconds."""
        will_topic = self._broker.will_topic
        mid = None if will_topic is None else self._publish(will_topic, OFFLINE, retain=True, qos=1)
        try:
            async with asyncio.timeout(within_s):
                if mid is not None:
                    taken = self._awaited[mid] = self._loop.create_future()
                    await self._unless_lost(taken)
                if not self.lost.done():
                    self._paho.disconnect()
                await self.lost
        except TimeoutError:
            self.abort("the broker did not answer the leave-taking")

    def abort(self, why: str) -> None:
        """End it now, without leave: the broker publishes the will."""
        if self._upkeep is not None:
            self._upkeep.cancel()
        self._paho.on_socket_unregister_write = None
        self._paho.on_socket_close = None
        connected = self._paho.socket()
        if connected is not None and connected.fileno() >= 0:
            self._loop.remove_reader(connected)
            self._loop.remove_writer(connected)
        self._discard()
        _settle(self.lost, why)

    def _publish(self, topic: str, payload: str, *, retain: bool, qos: int) -> int | None:
        if self.lost.done():
            return None
        data = payload.encode()
        if self._unsent_bytes + len(data) > MAX_UNSENT:
            self.abort("the broker does not take what the bridge publishes")
            return None
        info = self._paho.publish(topic, data, qos=qos, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.abort(paho.error_string(info.rc))
            return None
        self._unsent[info.mid] = len(data)
        self._unsent_bytes += len(data)
        return info.mid

    def _discard(self) -> None:
        connected = self._paho.socket()
        if connected is not None:
            connected.close()


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)
