"""What all tests of the bridge need."""

from __future__ import annotations

import asyncio
import sys

if sys.version_info < (3, 14):
    # Before 3.14 asking for a loop in the main thread made one, and pytest-asyncio asks before its first test: nobody
    # ever closed that loop, and here a warning is an error.
    asyncio.set_event_loop(None)
