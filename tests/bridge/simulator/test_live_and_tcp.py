"""The car on the event loop: in memory, and on TCP with clients that behave badly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from driveway_bridge.errors import LinkLost
from driveway_bridge.link.memory import MemoryDialer, MemoryLink
from driveway_bridge.proto import RoutableMessage
from driveway_bridge.protocol.framing import Unframer, frame
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.live import LiveCar, PlacesTaken
from driveway_bridge.simulator.profiles import Profile
from driveway_bridge.simulator.tcp_server import TcpServer
from driveway_bridge.simulator.virtual_car import VirtualCar
from tests.bridge.simulator.raw_client import GET_STATUS, UNLOCK, RawClient, Watch


@pytest.fixture
async def live(virtual: VirtualCar) -> AsyncIterator[LiveCar]:
    live = LiveCar(virtual)
    yield live
    live.close()


@pytest.fixture
async def server(live: LiveCar) -> AsyncIterator[TcpServer]:
    server = TcpServer(live, "127.0.0.1", 0)
    await server.start()
    yield server
    await server.stop()


class Caller:
    """A TCP connection that speaks in frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._unframer = Unframer()
        self._heard: list[RoutableMessage] = []

    async def ask(self, message: RoutableMessage) -> RoutableMessage:
        self.writer.write(frame(message.SerializeToString()))
        return await self.hear()

    async def hear(self) -> RoutableMessage:
        """The next message that is addressed to somebody."""
        while not self._heard:
            data = await self.reader.read(4096)
            if not data:
                raise EOFError
            for message in self._unframer.feed(data, 0.0):
                parsed = RoutableMessage.FromString(message)
                if parsed.to_destination.WhichOneof("sub_destination") == "routing_address":
                    self._heard.append(parsed)
        return self._heard.pop(0)

    async def closed_by_the_car(self) -> bool:
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionResetError:
            return True
        return True


@asynccontextmanager
async def calling(server: TcpServer, *, room: int | None = None) -> AsyncIterator[Caller]:
    """A connection; `room`: bytes that the kernel takes for it before it is read."""
    connection = socket.socket()
    if room:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


# In memory


async def test_memory_link(live: LiveCar, client: RawClient) -> None:
    link = await MemoryDialer(live.attach).connect(1.0)
    await link.send(frame(client.unsigned(GET_STATUS).SerializeToString()))
    assert RoutableMessage.FromString((await link.receive())[2:]).request_uuid
    await link.close()
    assert live.virtual.places_free == 3


async def test_fourth_link_is_refused(live: LiveCar) -> None:
    links = [MemoryLink(live.attach) for _ in range(3)]
    with pytest.raises(PlacesTaken):
        MemoryLink(live.attach)
    await links[0].close()
    MemoryLink(live.attach)


async def test_dropped_link_says_so(live: LiveCar) -> None:
    link = MemoryLink(live.attach)
    live.drop()
    with pytest.raises(LinkLost):
        await link.receive()
    assert live.virtual.places_free == 3


async def test_answers_take_their_time_on_the_loops_clock(virtual: VirtualCar, client: RawClient) -> None:
    virtual.profile = Profile(exchange_s=0.05)
    live = LiveCar(virtual)
    link = MemoryLink(live.attach)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await link.send(frame(client.unsigned(GET_STATUS).SerializeToString()))
    await link.receive()
    assert loop.time() - started >= 0.04
    live.close()


async def test_news_reach_all_links(live: LiveCar) -> None:
    links = [MemoryLink(live.attach) for _ in range(2)]
    live.do(lambda: live.virtual.car.unlock("hand"))
    for link in links:
        async with asyncio.timeout(5):
            assert await link.receive()


# On TCP


async def test_unlock_over_tcp(server: TcpServer, client: RawClient, virtual: VirtualCar) -> None:
    async with calling(server) as caller:
        handshake = client.handshake()
        client.accept_from(await caller.ask(handshake), handshake)
        await caller.ask(client.signed(UNLOCK))
    assert not virtual.car.locked


async def test_frames_are_sent_at_once(server: TcpServer, live: LiveCar) -> None:
    async with calling(server) as caller:
        await asyncio.sleep(0)
        (accepted,) = server._clients
        connected = accepted._transport.get_extra_info("socket")
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not caller.writer.is_closing()


async def test_client_beyond_the_places_is_closed_at_once(server: TcpServer, client: RawClient, events: Watch) -> None:
    async with calling(server) as first, calling(server), calling(server), calling(server) as fourth:
        async with asyncio.timeout(5):
            assert await fourth.closed_by_the_car()
        await first.ask(client.unsigned(GET_STATUS))
    await events.until("disconnected", 3)
    async with calling(server) as fifth:
        await fifth.ask(client.unsigned(GET_STATUS))


async def test_clients_that_behave_badly_disturb_nobody(
    server: TcpServer, client: RawClient, virtual: VirtualCar, events: Watch
) -> None:
    flood = frame(client.unsigned(GET_STATUS).SerializeToString()) * 400
    async with calling(server, room=4096) as deaf, calling(server) as babbler, calling(server) as good:
        handshake = client.handshake()
        client.accept_from(await good.ask(handshake), handshake)

        async def babble() -> None:
            """Garbage, half frames, impossible lengths, for as long as it is let."""
            while True:
                babbler.writer.write(b"\xff\xff" + bytes(3000) + b"\x00\x05ab")
                await babbler.writer.drain()

        async def flood_without_reading() -> None:
            """Questions by the thousand, and not an answer read, until the car has had enough."""
            deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
            while "disconnected" not in [event["event"] for event in events]:
                deaf.writer.write(flood)
                await deaf.writer.drain()

        babbling = asyncio.create_task(babble())
        flooding = asyncio.create_task(flood_without_reading())
        try:
            for _ in range(50):
                async with asyncio.timeout(5):
                    await good.ask(client.signed(UNLOCK))
            async with asyncio.timeout(30):
                await asyncio.wait({flooding})
        finally:
            babbling.cancel()
            flooding.cancel()
            await asyncio.gather(babbling, flooding, return_exceptions=True)
        async with asyncio.timeout(5):
            await good.ask(client.unsigned(GET_STATUS))
        assert len(virtual.endpoints) == 2, "only the deaf one was cut off"


async def test_link_that_the_car_drops_is_closed(server: TcpServer, client: RawClient, live: LiveCar) -> None:
    async with calling(server) as caller:
        handshake = client.handshake()
        client.accept_from(await caller.ask(handshake), handshake)
        live.do(lambda: live.virtual.switch(Fault.HANG_UP_AFTER_EXECUTE, on=True))
        with pytest.raises((EOFError, ConnectionResetError)):
            await caller.ask(client.signed(UNLOCK))
    assert not live.virtual.car.locked
    assert live.virtual.places_free == 3


async def test_port_in_use(server: TcpServer, live: LiveCar) -> None:
    with pytest.raises(OSError, match="in use"):
        await TcpServer(live, "127.0.0.1", server.port).start()
