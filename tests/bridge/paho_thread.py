"""paho on its own thread, as tests use it for whoever else speaks at the broker."""

from __future__ import annotations

import paho.mqtt.client as paho


def end(client: paho.Client) -> None:
    """Disconnect it, wait for its thread, and close its sockets.

    paho leaves the pair that wakes its thread up to the garbage collector, which may come to the sockets before it
    comes to the client: a ResourceWarning, some time later.
    """
    client.disconnect()
    client.loop_stop()
    client.reinitialise()
