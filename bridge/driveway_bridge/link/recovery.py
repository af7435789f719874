"""The optional library that resets an adapter without BlueZ's help. The only door to bluetooth_auto_recovery.

It needs the extra `recovery`, the right to administer the network (CAP_NET_ADMIN) and a Python with Bluetooth sockets.
"""

from __future__ import annotations

import socket
from typing import Final

from driveway_bridge.errors import NotReached

TIMEOUT_S: Final = 40.0
"""It took 6 s where it worked, 10 s where the right was lacking; a USB adapter may come back slowly."""


async def recover(name: str, address: str) -> None:
    """Reset `hciN`. NotReached `radio_unavailable`; the detail tells whether it failed or was not possible."""
    if not hasattr(socket, "AF_BLUETOOTH"):
        raise NotReached("radio_unavailable", "not possible: this Python was built without Bluetooth sockets")
    try:
        from bluetooth_auto_recovery import recover_adapter  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        detail = "not possible: bluetooth-auto-recovery is missing; install driveway-bridge[recovery]"
        raise NotReached("radio_unavailable", detail) from error
    try:
        done = await recover_adapter(int(name.removeprefix("hci")), address, gone_silent=True)
    except (OSError, EOFError, ValueError) as error:
        raise NotReached("radio_unavailable", f"not possible: {type(error).__name__}: {error}") from error
    if not done:
        raise NotReached("radio_unavailable", "the library could not do it; does the bridge have CAP_NET_ADMIN?")
