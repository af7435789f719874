"""What the house stands on: a port that was given to it stays its own."""

from __future__ import annotations

import socket
import sys

import pytest

from house.processes import free_port


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a port for a server that does not listen yet")
def test_a_port_is_kept_for_the_server_that_takes_it_later_and_again() -> None:
    port = free_port()
    for _ in range(2):
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))
        with (
            socket.create_server(("127.0.0.1", port)) as server,
            socket.create_connection(("127.0.0.1", port)),
        ):
            server.accept()[0].close()
    assert free_port(port) == port
