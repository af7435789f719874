"""A BlueZ of the test's own, on a message bus of the test's own: adapters and devices that come and go."""

# ruff: noqa: N802 - the names are those of BlueZ, on the bus

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

from dbus_fast import BusType, DBusError, Message, MessageType, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusDict, DBusInt16, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

SCRIPT = Path(__file__).parents[3] / "scripts/dbus"
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
"""
Strings = Annotated[list[str], DBusSignature("as")]


def daemon() -> str | None:
    """The path of a dbus-daemon; None where there is none and none can be had."""
    found = subprocess.run([SCRIPT], capture_output=True, text=True, timeout=50, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


class FakeDevice(ServiceInterface):
    """Somebody who was heard."""

    def __init__(self, adapter: str, address: str, name: str, rssi: int) -> None:
        super().__init__("org.bluez.Device1")
        self._adapter, self._address, self._name, self.rssi = adapter, address, name, rssi

    @dbus_property(PropertyAccess.READ)
    def Address(self) -> DBusStr:
        return self._address

    @dbus_property(PropertyAccess.READ)
    def Name(self) -> DBusStr:
        return self._name

    @dbus_property(PropertyAccess.READ)
    def Alias(self) -> DBusStr:
        return self._name

    @dbus_property(PropertyAccess.READ)
    def Adapter(self) -> Annotated[str, DBusSignature("o")]:
        return self._adapter

    @dbus_property(PropertyAccess.READ)
    def RSSI(self) -> DBusInt16:
        return self.rssi

    @dbus_property(PropertyAccess.READ)
    def UUIDs(self) -> Strings:
        return []

    @dbus_property(PropertyAccess.READ)
    def Connected(self) -> DBusBool:
        return False


class FakeAdapter(ServiceInterface):
    """One adapter; `log` tells what was asked of it."""

    def __init__(self, address: str, *, powered: bool, roles: list[str]) -> None:
        super().__init__("org.bluez.Adapter1")
        self._address, self._powered, self._roles = address, powered, roles
        self.discovering = False
        self.blocked = False
        self.devices: list[str] = []
        self.filter: dict[str, Any] = {}
        self.begin_s = 0.0
        """How long it takes to begin a scan."""
        self.log: list[str] = []

    @dbus_property(PropertyAccess.READ)
    def Address(self) -> DBusStr:
        return self._address

    @dbus_property(PropertyAccess.READ)
    def Roles(self) -> Strings:
        return self._roles

    @dbus_property(PropertyAccess.READ)
    def Discovering(self) -> DBusBool:
        return self.discovering

    @dbus_property()
    def Powered(self) -> DBusBool:
        return self._powered

    @Powered.setter  # type: ignore[no-redef]
    def Powered(self, on: DBusBool) -> None:
        if self.blocked:
            raise DBusError("org.bluez.Error.Blocked", "Blocked through rfkill")
        self._powered = on
        self.discovering = False
        self.log.append("on" if on else "off")

    @dbus_method()
    def SetDiscoveryFilter(self, properties: DBusDict) -> None:
        self.filter = {name: value.value for name, value in properties.items()}

    @dbus_method()
    async def StartDiscovery(self) -> None:
        """BlueZ lets nobody begin a second one, and knows of no caller who has lost interest."""
        if not self._powered:
            raise DBusError("org.bluez.Error.NotReady", "Resource Not Ready")
        if self.discovering:
            raise DBusError("org.bluez.Error.InProgress", "Operation already in progress")
        self.discovering = True
        self.log.append("scan")
        if self.begin_s:
            await asyncio.sleep(self.begin_s)

    @dbus_method()
    def RemoveDevice(self, device: Annotated[str, DBusSignature("o")]) -> None:
        if device not in self.devices:
            raise DBusError("org.bluez.Error.DoesNotExist", "Does Not Exist")
        self.devices.remove(device)
        self.log.append("forget")

    @dbus_method()
    def StopDiscovery(self) -> None:
        self.discovering = False
        self.log.append("end")


class FakeBluez:
    """The service; it answers as soon as it was started, until it is told to be silent or to leave."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._paths: dict[str, ServiceInterface] = {}
        self._silent = False
        self.asked = asyncio.Event()
        """Set when something was asked of the silent service."""
        bus.add_message_handler(self._swallow)

    async def start(self) -> None:
        await self._bus.request_name("org.bluez")

    async def leave(self) -> None:
        await self._bus.release_name("org.bluez")

    def be_silent(self, *, on: bool = True) -> None:
        self._silent = on

    def plug_in(
        self,
        name: str,
        address: str,
        *,
        powered: bool = True,
        roles: tuple[str, ...] = ("central", "peripheral"),
    ) -> FakeAdapter:
        adapter = FakeAdapter(address, powered=powered, roles=list(roles))
        self._export(f"/org/bluez/{name}", adapter)
        return adapter

    def unplug(self, name: str) -> None:
        for path in [path for path in self._paths if path.startswith(f"/org/bluez/{name}")]:
            self._bus.unexport(path, self._paths.pop(path))

    def hear(self, adapter: str, address: str, name: str, *, rssi: int = -60) -> None:
        """Let a device be heard, for the first time or again."""
        path = f"/org/bluez/{adapter}/dev_{address.replace(':', '_')}"
        device = self._paths.get(path)
        if device is None:
            self._export(path, FakeDevice(f"/org/bluez/{adapter}", address, name, rssi))
        else:
            device.emit_properties_changed({"RSSI": rssi})

    def _export(self, path: str, interface: ServiceInterface) -> None:
        self._paths[path] = interface
        self._bus.export(path, interface)

    def _swallow(self, message: Message) -> Any:
        if self._silent and message.message_type is MessageType.METHOD_CALL:
            self.asked.set()
            return True
        return None


@asynccontextmanager
async def message_bus(program: str, folder: Path) -> AsyncIterator[str]:
    """The address of a bus that lasts as long as the block."""
    socket = folder / "bus"
    configuration = folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(socket=socket))
    child = await asyncio.create_subprocess_exec(
        program, f"--config-file={configuration}", "--nofork", "--print-address", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(20):
            await child.stdout.readline()
        yield f"unix:path={socket}"
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


@asynccontextmanager
async def bluez(address: str) -> AsyncIterator[FakeBluez]:
    """The service, started."""
    bus = MessageBus(bus_address=address, bus_type=BusType.SYSTEM)
    await bus.connect()
    fake = FakeBluez(bus)
    await fake.start()
    try:
        yield fake
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
