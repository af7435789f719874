"""Tries what a program should not be able to do on the owner's computer, and tells what could be done; JSON."""

import contextlib
import ctypes
import json
import mmap
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HCI = 1  # the kernel's protocol of raw Bluetooth sockets
ROUND_ROBIN = 2


def write(folder: str) -> None:
    """Make a file, and take it away again."""
    with tempfile.TemporaryFile(dir=folder):
        pass


def speak(family: int, kind: int, protocol: int = 0) -> None:
    """Open a socket."""
    socket.socket(family, kind, protocol).close()


def dial(address: str | tuple[str, int]) -> None:
    """Connect to what listens there."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as caller:
        caller.connect(address)


def list_what_is_in(folder: str) -> None:
    """There has to be something."""
    if not os.listdir(folder):  # noqa: PTH208 - names only
        raise FileNotFoundError(folder)


def call(name: str, *arguments: object) -> None:
    """Call the C library; OSError when it says no."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def make_a_program() -> None:
    """Have memory that can be written and executed."""
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def lend_rights() -> None:
    """Make a program that runs with its owner's rights, whoever starts it."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0o4755)


TRIED: dict[str, Callable[[], object]] = {
    "read the passwords of the computer": lambda: Path("/etc/shadow").read_bytes(),
    "read somebody's home": lambda: list_what_is_in("/home"),
    "read root's home": lambda: list_what_is_in("/root"),
    "see another's process": lambda: Path("/proc/1/status").read_bytes(),
    "read the kernel's settings": lambda: Path("/proc/sys/kernel/hostname").read_bytes(),
    "change the bridge's program": lambda: write("/opt/driveway/bin"),
    "change the bridge's configuration": lambda: write("/etc/driveway"),
    "write to /etc": lambda: write("/etc"),
    "write to /usr": lambda: write("/usr"),
    "write to /home": lambda: write("/home"),
    "open a disk": lambda: os.close(os.open("/dev/vda", os.O_RDONLY)),
    "make an adapter": lambda: os.close(os.open("/dev/vhci", os.O_RDWR)),
    "speak to the Bluetooth chip": lambda: speak(31, socket.SOCK_RAW, HCI),
    "speak raw on the network": lambda: speak(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "listen to the whole network": lambda: speak(17, socket.SOCK_RAW),
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "be another user": lambda: call("setresuid", 1, -1, -1),
    "have the processor before all others": lambda: os.sched_setscheduler(0, ROUND_ROBIN, os.sched_param(1)),
    "have namespaces of its own": lambda: call("unshare", 0x20000000),
    "make a program in memory": make_a_program,
    "lend its rights": lend_rights,
    "write to its own folder": lambda: write("/var/lib/driveway"),
    "write for a moment": lambda: write("/tmp"),
    "speak on the system's bus": lambda: dial("/run/dbus/system_bus_socket"),
    "speak to the broker": lambda: dial(("127.0.0.1", 1883)),
}


def main() -> None:
    """Try it all, the one with lasting effects (to be another user) in a child."""
    done = []
    for name, attempt in TRIED.items():
        with contextlib.suppress(OSError):
            if name == "be another user":
                child = os.fork()
                if child == 0:
                    with contextlib.suppress(OSError):
                        attempt()
                        os._exit(0)
                    os._exit(1)
                if os.waitpid(child, 0)[1]:
                    continue
            else:
                attempt()
            done.append(name)
    print(json.dumps(done))


main()
