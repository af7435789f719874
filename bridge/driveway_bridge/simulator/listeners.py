"""Where the virtual car can be reached: TCP ports and virtual radios, by the addresses of the command line."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.tcp_server import TcpServer

if TYPE_CHECKING:
    from driveway_bridge.simulator.bluetooth import BluetoothCar

MTU = 247
"""Bytes; older cars answer 115, the least that Bluetooth allows is 23."""


class Listener(Protocol):
    """One way to the car."""

    @property
    def address(self) -> str:
        """How it is reached, with the real port once it has started."""
        ...

    async def start(self) -> None:
        """Begin. Raises OSError when the address cannot be had."""
        ...

    async def stop(self) -> None:
        """End."""
        ...

    async def vanish(self) -> None:
        """Go out of range."""
        ...

    async def reappear(self) -> None:
        """Come back into range."""
        ...


class TcpListener(TcpServer):
    """A TCP port, which is closed while the car is out of range."""

    async def vanish(self) -> None:
        """Cut everybody off and close the port."""
        await self.stop()

    async def reappear(self) -> None:
        """Open the same port again."""
        if not self.listening:
            await self.start()


class RadioListener:
    """A virtual air on a TCP port, on which the car advertises."""

    def __init__(self, live: LiveCar, host: str, port: int, mtu: int) -> None:
        self._live = live
        self._host = host
        self._port = port
        self._mtu = mtu
        self._stack = AsyncExitStack()
        self._radio: BluetoothCar | None = None

    @property
    def address(self) -> str:
        """As `--listen` writes it."""
        return f"hci://{_bracketed(self._host)}:{self._port}"

    async def start(self) -> None:
        """Make the air and advertise on it. Raises ImportError without the package bumble."""
        # Only here: the virtual radio needs a large package that a car on TCP does without.
        from driveway_bridge.simulator.bluetooth import BluetoothCar
        from driveway_bridge.virtual_radio.air import Air

        air = await self._stack.enter_async_context(Air.serve(self._host, self._port))
        self._port = air.port
        radio = BluetoothCar(air, self._live.virtual.vin, self._live, mtu=self._mtu)
        self._radio = await self._stack.enter_async_context(radio)
        radio.accept_links(on=self._live.virtual.places_free > 0)
        self._live.on_places.append(self._accept_links)

    async def stop(self) -> None:
        """Switch the radio off."""
        if self._accept_links in self._live.on_places:
            self._live.on_places.remove(self._accept_links)
        await self._stack.aclose()

    def _accept_links(self, places_free: int) -> None:
        """A car without a free place advertises that it takes no link, whoever has the places."""
        if self._radio:
            self._radio.accept_links(on=places_free > 0)

    async def vanish(self) -> None:
        """Be heard by nobody; links die by silence."""
        if self._radio:
            await self._radio.vanish()

    async def reappear(self) -> None:
        """Be heard again."""
        if self._radio:
            await self._radio.reappear()


def parse_address(text: str) -> tuple[str, str, int]:
    """Take `tcp://HOST:PORT` or `hci://HOST:PORT` apart; ValueError with a sentence for anything else."""
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = None
    plain = not (parts.path or parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("tcp", "hci") or not parts.hostname or port is None or not plain:
        raise ValueError(f"'{text}' is no address; it looks like tcp://127.0.0.1:4711, port 0 takes any free one")
    return parts.scheme, parts.hostname, port


def make_listener(live: LiveCar, scheme: str, host: str, port: int, *, mtu: int = MTU) -> Listener:
    """Make the listener of a parsed address; `mtu` in bytes is for the radio."""
    return TcpListener(live, host, port) if scheme == "tcp" else RadioListener(live, host, port, mtu)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
