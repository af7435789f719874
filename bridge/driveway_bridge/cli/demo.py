"""`driveway demo`: the whole way to a car and back within this process."""

from __future__ import annotations

import click


@click.command()
def demo() -> int:
    """See it work, with a virtual car and nothing else.

    A virtual car, as slow as a real one, is put into this process, a key is made and enrolled, and the car is read,
    unlocked and locked as a real one would be. It takes some seconds, and needs no radio, no broker and no network.
    Nothing is kept: key and memory live in a temporary folder.
    """
    import asyncio

    from driveway_bridge.cli.demo_story import tell  # protobuf, cryptography and the simulator: 0.3 s

    return asyncio.run(tell())
