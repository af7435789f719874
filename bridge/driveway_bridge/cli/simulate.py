"""`driveway simulate`: a virtual car as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from driveway_bridge.addressing import check_vin
from driveway_bridge.proto import Role
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.control import Control
from driveway_bridge.simulator.event_stream import EventWriter, read_lines
from driveway_bridge.simulator.faults import Fault, parse
from driveway_bridge.simulator.listeners import MTU, Listener, make_listener, parse_address
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.parts.equipment import EQUIPMENT, Equipment
from driveway_bridge.simulator.profiles import PROFILES
from driveway_bridge.simulator.scenario import ScenarioError, Step, read_scenario
from driveway_bridge.simulator.virtual_car import VirtualCar
from driveway_bridge.simulator.words import SUMMARY

_ROLES = {
    "driver": Role.ROLE_DRIVER,
    "owner": Role.ROLE_OWNER,
    "charging_manager": Role.ROLE_CHARGING_MANAGER,
    "vehicle_monitor": Role.ROLE_VEHICLE_MONITOR,
}
_PUBLIC_KEY_SIZE = 65

Address = tuple[str, str, int]


class _CannotStart(click.ClickException):
    """Something outside keeps the car from starting."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    vin: str
    addresses: tuple[Address, ...]
    enrolled: tuple[bytes, ...]
    role: Role
    profile: str
    seed: int | None
    faults: tuple[Fault, ...]
    locked: bool
    asleep: bool
    equipment: Equipment
    mtu: int
    scenario: tuple[Step, ...]


class _Outlet:
    """Holds events back until it is said where the car listens: that line is the first."""

    def __init__(self) -> None:
        self._held: list[dict[str, Any]] = []
        self._put: Callable[[dict[str, Any]], None] = self._held.append

    def open(self, put: Callable[[dict[str, Any]], None]) -> None:
        """Let them through."""
        self._put = put
        for event in self._held:
            put(event)

    def put(self, event: dict[str, Any]) -> None:
        """Take an event of the car."""
        self._put(event)


def _vin(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return check_vin(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _addresses(_context: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> tuple[Address, ...]:
    try:
        return tuple(parse_address(text) for text in value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _public_keys(_context: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(_public_key(text) for text in value)


def _public_key(text: str) -> bytes:
    try:
        public = bytes.fromhex("".join(text.split()))
    except ValueError:
        public = b""
    if len(public) != _PUBLIC_KEY_SIZE or public[0] != 4:
        raise click.BadParameter("a public key is 65 bytes in hex and begins with 04; `driveway key show` prints it")
    return public


def _faults(_context: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> tuple[Fault, ...]:
    try:
        return tuple(parse(name) for name in value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _scenario(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[Step, ...]:
    try:
        return tuple(read_scenario(Path(value))) if value else ()
    except (ScenarioError, OSError) as error:
        raise click.BadParameter(str(error)) from error


def _list_faults(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click calls it
    if not value:
        return
    width = max(len(fault) for fault in Fault)
    for fault in Fault:
        click.echo(f"{fault:<{width}}  {fault.explanation}")
    context.exit()


@click.command(epilog=f"Commands while it runs: {SUMMARY}.")
@click.option("--vin", required=True, callback=_vin, help="The car's VIN.")
@click.option(
    "--listen",
    "addresses",
    required=True,
    multiple=True,
    callback=_addresses,
    metavar="ADDRESS",
    help="tcp://HOST:PORT (frames over TCP) or hci://HOST:PORT (a virtual radio). May be given more than once.",
)
@click.option("--enrol", "enrolled", multiple=True, callback=_public_keys, metavar="HEX", help="A public key it knows.")
@click.option(
    "--enrol-role",
    "role",
    type=click.Choice(list(_ROLES)),
    default="driver",
    show_default=True,
    help="What these keys may do.",
)
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="instant", show_default=True, help="How fast it is."
)
@click.option("--seed", type=int, help="Keys and everything random are the same in every run with this number.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    callback=_faults,
    metavar="NAME",
    help="Something that goes wrong from the start.",
)
@click.option(
    "--equipment",
    type=click.Choice(list(EQUIPMENT)),
    default="everything",
    show_default=True,
    callback=lambda _context, _option, value: EQUIPMENT[value],
    help="What it is fitted with: that of a model, or everything.",
)
@click.option(
    "--mtu",
    type=click.IntRange(23, 517),
    default=MTU,
    show_default=True,
    help="Bytes that fit into one piece on the virtual radio; cars have 115 or 247.",
)
@click.option(
    "--scenario",
    metavar="FILE",
    callback=_scenario,
    help="Commands with their times: a line is seconds from the start, then a command.",
)
@click.option("--locked/--unlocked", default=True, show_default=True, help="At the start.")
@click.option("--asleep/--awake", default=False, show_default=True, help="At the start.")
@click.option(
    "--list-faults", is_flag=True, is_eager=True, expose_value=False, callback=_list_faults, help="Show all faults."
)
def simulate(role: str, **options: Any) -> None:
    """Run a virtual car.

    Events are printed as JSON lines. Commands are read from standard input, one a line.
    """
    asyncio.run(_run(_Options(role=_ROLES[role], **options)))


async def _run(options: _Options) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    outlet = _Outlet()
    live = LiveCar(_make_car(options, outlet.put))
    listeners = [make_listener(live, *address, mtu=options.mtu) for address in options.addresses]
    started: list[Listener] = []
    try:
        for listener in listeners:
            await _start(listener)
            started.append(listener)
        await _serve(live, listeners, outlet, stop, options.scenario)
    finally:
        live.close()
        for listener in reversed(started):
            await listener.stop()


def _make_car(options: _Options, report: Callable[[dict[str, Any]], None]) -> VirtualCar:
    virtual = VirtualCar(
        options.vin,
        profile=PROFILES[options.profile],
        seed=options.seed,
        car=Car(locked=options.locked, asleep=options.asleep, equipment=options.equipment),
        report=report,
    )
    for public in options.enrolled:
        try:
            virtual.enrol(public, options.role)
        except ValueError as error:
            raise _CannotStart(f"the car cannot know the key {public.hex()[:8]}...: {error}") from error
    for fault in options.faults:
        virtual.switch(fault, on=True)
    return virtual


async def _start(listener: Listener) -> None:
    try:
        await listener.start()
    except OSError as error:
        raise _CannotStart(f"the car cannot listen on {listener.address}: {error.strerror or error}") from error
    except ImportError as error:
        raise _CannotStart(
            "a virtual radio needs the package bumble: install driveway-bridge[virtual-radio]"
        ) from error


async def _serve(
    live: LiveCar,
    listeners: list[Listener],
    outlet: _Outlet,
    stop: asyncio.Event,
    scenario: tuple[Step, ...],
) -> None:
    """Write events and obey commands until it is time to stop."""
    loop = asyncio.get_running_loop()
    output = sys.stdout.fileno()
    writer = EventWriter(output, lambda: _from_thread(loop, stop.set))
    if stat.S_ISFIFO(os.fstat(output).st_mode):
        loop.add_reader(output, stop.set)  # a pipe that nobody writes to wakes its writer only when its reader is gone
    virtual = live.virtual
    addresses = [listener.address for listener in listeners]
    writer.put({"event": "listening", "listen": addresses, "vin": virtual.vin, "public_key": virtual.public_key.hex()})
    writer.put({"event": "state", **virtual.car.facts(), "by": "start"})
    outlet.open(writer.put)

    async def vanish() -> None:
        for listener in listeners:
            await listener.vanish()

    async def reappear() -> None:
        for listener in listeners:
            await listener.reappear()

    control = Control(live, vanish=vanish, reappear=reappear, stop=stop.set)
    lines: asyncio.Queue[str] = asyncio.Queue()
    read_lines(sys.stdin.fileno(), lambda line: _from_thread(loop, lines.put_nowait, line))
    obeying = asyncio.create_task(_obey(control, lines, writer))
    playing = [loop.call_later(step.at_s, lines.put_nowait, step.line) for step in scenario]
    try:
        await stop.wait()
    finally:
        obeying.cancel()
        for step in playing:
            step.cancel()
        live.close()
        loop.remove_reader(output)
        await asyncio.to_thread(writer.close)


async def _obey(control: Control, lines: asyncio.Queue[str], writer: EventWriter) -> None:
    while True:
        line = await lines.get()
        if line.strip():
            writer.put(await control.obey(line))


def _from_thread(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    loop.call_soon_threadsafe(call, *arguments)
