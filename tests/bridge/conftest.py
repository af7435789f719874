"""What all tests of the bridge need."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.bridge.port import KeptPort

# How long one example takes says something of the machine, and nothing of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("patient")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Begun in the background of a script, where programs ignore Ctrl-C: those that tests start have to hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

if sys.version_info < (3, 14):
    # Before 3.14 asking for a loop in the main thread made one, and pytest-asyncio asks before its first test: nobody
    # ever closed that loop, and here a warning is an error.
    asyncio.set_event_loop(None)


@pytest.fixture
def unused_tcp_port() -> Iterator[int]:
    """A port that nobody listens on, nor is given meanwhile: only who asks for it by number may, more than once."""
    with contextlib.closing(KeptPort()) as port:
        yield port.number
