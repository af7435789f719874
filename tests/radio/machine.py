"""The virtual computer: a small Debian with systemd, D-Bus, BlueZ and a broker, under plain emulation.

It has no network but the doors that are named here, all of them on loopback: a shell, a Python, one for each adapter
that is plugged in, and its broker. What it writes is forgotten when it is switched off.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GUEST = Path(__file__).parent / "guest"
DOORS = {"shell": 7001, "python": 7002, "adapter": 7003, "broker": 1883}
"""Ports in the machine; the first three are those of the sockets in guest/etc/systemd/system."""
BOOT_S = 180.0
READY = "The machine is up."
"""What guest/etc/systemd/system/ready.service says when all that it waits for runs."""
MEMORY_MB = 768
PROCESSOR = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+rdrand"
"""One that is quickly emulated: with all that the emulator knows ("max"), the same takes a tenth longer."""
_END = b"\x1e"
"""Between what a script printed and its status, and after it."""
_ADDRESS = "10.0.2.15"
_SPARED = """
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount kmod-static-nodes.service
    modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service modprobe@fuse.service modprobe@loop.service
    systemd-logind.service systemd-udev-trigger.service systemd-update-utmp.service systemd-journal-flush.service
    systemd-update-utmp-runlevel.service systemd-random-seed.service systemd-user-sessions.service getty@tty1.service
    serial-getty@ttyS0.service systemd-binfmt.service systemd-networkd-persistent-storage.service
"""
"""What systemd would start and nobody here needs."""


class CannotBeMadeError(Exception):
    """This computer cannot have the virtual one; the text says why."""


class GuestError(AssertionError):
    """What was asked of the machine has failed; the text is what it said."""


class PythonError(Exception):
    """An exception in the machine's Python."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


class Python:
    """A Python of the machine, in which names stay from one call to the next."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    async def __call__(self, code: str, *, timeout_s: float = 60.0) -> Any:
        """Run code, which may await; gives the value of its last line as JSON can hold it, or raises PythonError."""
        async with self._turn, asyncio.timeout(timeout_s):
            self._writer.write(json.dumps({"code": code}).encode() + b"\n")
            line = await self._reader.readline()
        answer = json.loads(line)
        if "error" in answer:
            raise PythonError(answer["error"], answer["text"])
        return answer["value"]


class Machine:
    """One virtual computer; made, booted, and asked through its doors."""

    def __init__(self, release: str, ports: dict[str, int], process: asyncio.subprocess.Process, console: Path) -> None:
        self.release = release
        self.ports = ports
        self._process = process
        self._console = console
        self._shells: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    @classmethod
    @asynccontextmanager
    async def running(cls, release: str, folder: Path) -> AsyncIterator[Machine]:
        """Boot one that has this clone's bridge, and switch it off at the end. CannotBeMadeError."""
        emulator, parts = await asyncio.to_thread(get, release)
        disk = folder / f"bridge-{release}"
        await asyncio.to_thread(_pack, parts, folder / "bridge", disk)
        ports = {name: _free_port() for name in DOORS}
        console = folder / "console.log"
        process = await asyncio.create_subprocess_exec(
            emulator, *_options(parts, disk, ports, console), stdin=subprocess.DEVNULL
        )
        machine = cls(release, ports, process, console)
        try:
            await machine._come_up()
            yield machine
        finally:
            for _, writer in machine._shells:
                writer.close()
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def sh(self, script: str, *, timeout_s: float = 60.0) -> str:
        """Run a script as root; gives what it printed. GuestError with that when it fails."""
        status, text = await self.status(script, timeout_s=timeout_s)
        if status:
            raise GuestError(f"{script}: status {status}\n{text}")
        return text

    async def status(self, script: str, *, timeout_s: float = 60.0) -> tuple[int, str]:
        """Run a script as root; gives its exit status and all that it printed.

        A shell that has answered is asked again: to start another one costs the machine half a second.
        """
        async with asyncio.timeout(timeout_s):
            reader, writer = self._shells.pop() if self._shells else await self._open("shell")
            try:
                writer.write(f'(\n{script}\n) </dev/null 2>&1\nprintf "\\036%s\\036" "$?"\n'.encode())
                said, status = [
                    (await reader.readuntil(_END)).removesuffix(_END).decode(errors="replace") for _ in "12"
                ]
            except asyncio.IncompleteReadError as error:
                writer.close()
                raise ConnectionError("the machine does not answer") from error
            except BaseException:
                writer.close()
                raise
        self._shells.append((reader, writer))
        return int(status), said.rstrip("\n")

    async def _open(self, door: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.ports[door], limit=1 << 24)

    async def until(self, condition: str, within_s: float) -> None:
        """Ask again and again until a script succeeds; TimeoutError with it when it does not."""
        try:
            async with asyncio.timeout(within_s):
                while (await self.status(condition))[0]:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise TimeoutError(f"not within {within_s:g} s: {condition}") from None

    @asynccontextmanager
    async def python(self) -> AsyncIterator[Python]:
        """A Python of its own, with the bridge and its libraries."""
        reader, writer = await self._open("python")
        try:
            yield Python(reader, writer)
        finally:
            writer.close()

    async def journal(self, unit: str, *, lines: int = 60) -> str:
        """The last lines of a service's log."""
        return await self.sh(f"journalctl --no-pager --quiet --output cat --lines {lines} --unit {unit}")

    async def _come_up(self) -> None:
        """Wait until it says so on its console, which is a file here."""
        loop = asyncio.get_running_loop()
        until = loop.time() + BOOT_S
        said = ""
        while READY not in said:
            if self._process.returncode is not None:
                raise CannotBeMadeError(f"the emulator ended with status {self._process.returncode}")
            if loop.time() > until:
                raise GuestError(f"{self.release} has not come up in {BOOT_S:g} s; its console: {said[-2000:]}")
            await asyncio.sleep(0.1)  # nobody tells that a file grows
            said = self._console.read_text(errors="replace") if self._console.exists() else ""


def get(release: str) -> tuple[str, Path]:
    """Path of the emulator, and the folder with what the machine starts from."""
    found = []
    for script in (["qemu"], ["radio_machine", release]):
        done = subprocess.run(
            [ROOT / "scripts" / script[0], *script[1:]], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise CannotBeMadeError(f"scripts/{' '.join(script)} ended with status {done.returncode}; it says why")
        found.append(done.stdout.strip())
    return found[0], Path(found[1])


def _pack(parts: Path, stage: Path, disk: Path) -> None:
    """Make the second disk: this clone's bridge, compiled for the machine's Python, and what the tests need there."""
    shutil.copytree(GUEST, stage, ignore=shutil.ignore_patterns("init", "__pycache__"))
    shutil.copytree(
        ROOT / "bridge/driveway_bridge",
        stage / "python/driveway_bridge",
        ignore=shutil.ignore_patterns("__pycache__", ".*"),
    )
    shutil.copytree(ROOT / "bridge/systemd", stage / "systemd")
    compiling = f"-m compileall -q -s {stage} -p /opt/bridge {stage}/python"
    subprocess.run([parts / "python", *compiling.split()], check=True, env={})
    subprocess.run([parts / "mkfs.ext4", *f"-q -O ^has_journal -d {stage} {disk} 32M".split()], check=True)


def _options(parts: Path, disk: Path, ports: dict[str, int], console: Path) -> list[str]:
    doors = "".join(f",hostfwd=tcp:127.0.0.1:{ports[name]}-{_ADDRESS}:{port}" for name, port in DOORS.items())
    kernel = "console=ttyS0 quiet loglevel=3 panic=-1 net.ifnames=0 mitigations=off random.trust_cpu=on"
    kernel += " cryptomgr.notests" + "".join(f" systemd.mask={unit}" for unit in _SPARED.split())
    return [
        *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", PROCESSOR, "-smp", "1"),
        *("-m", str(MEMORY_MB), "-nodefaults", "-display", "none", "-no-reboot"),
        *("-kernel", str(parts / "kernel"), "-initrd", str(parts / "initramfs"), "-append", kernel),
        *("-serial", f"file:{console}"),
        *("-drive", f"file={parts / 'disk'},format=raw,if=virtio,snapshot=on"),
        *("-drive", f"file={disk},format=raw,if=virtio,readonly=on"),
        *("-netdev", f"user,id=net,restrict=on{doors}", "-device", "virtio-net-pci,netdev=net"),
        *("-device", "virtio-rng-pci"),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
