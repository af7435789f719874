"""A Bluetooth adapter of the virtual computer, whose chip is at the other end of a TCP connection (standard input).

The connection carries HCI as a serial line would (H4); the kernel's virtual controller wants it packet by packet. The
adapter is there for as long as the connection.
"""

import contextlib
import os
import selectors
import sys
from collections.abc import Iterator

VENDOR = 0xFF  # kernel: Bluetooth virtual HCI driver, vendor packet
PRIMARY = 0x00
# Core specification, H4 and "Exchange of HCI-specific information": by type of packet the size of the header, where the
# length stands in it, and in how many bytes.
HEADERS = {
    0x01: (3, 2, 1),
    0x02: (4, 2, 2),
    0x03: (3, 2, 1),
    0x04: (2, 1, 1),
    0x05: (4, 2, 2),
}


def packets(buffer: bytearray) -> Iterator[bytes]:
    """Cut whole packets off the buffer."""
    while buffer:
        header, at, size = HEADERS[buffer[0]]
        if len(buffer) <= header:
            return
        length = int.from_bytes(buffer[1 + at : 1 + at + size], "little") & (0x3FFF if buffer[0] == 0x05 else 0xFFFF)
        end = 1 + header + length
        if len(buffer) < end:
            return
        yield bytes(buffer[:end])
        del buffer[:end]


def main() -> None:
    """Carry packets both ways until the caller hangs up."""
    chip = sys.stdin.fileno()
    kernel = os.open("/dev/vhci", os.O_RDWR)
    os.write(kernel, bytes((VENDOR, PRIMARY)))
    made = os.read(kernel, 4096)
    print(f"adapter: hci{int.from_bytes(made[2:4], 'little')}", file=sys.stderr, flush=True)
    buffer = bytearray()
    both = selectors.DefaultSelector()
    both.register(chip, selectors.EVENT_READ)
    both.register(kernel, selectors.EVENT_READ)
    while True:
        for key, _ in both.select():
            if key.fd == kernel:
                packet = os.read(kernel, 4096)
                while packet:
                    packet = packet[os.write(chip, packet) :]
            else:
                try:
                    data = os.read(chip, 65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    return
                buffer += data
                for packet in packets(buffer):
                    with contextlib.suppress(OSError):  # ENXIO: it is off, and what was under way is lost
                        os.write(kernel, packet)


main()
