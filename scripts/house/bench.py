"""Time from an action in Home Assistant until the car has moved its lock, beside a bare MQTT lock of the same house.

Everything is real but the car and the way to it: Home Assistant, mosquitto, the bridge, each a process of its own. The
car answers at once and says on its standard output when it has locked; the bare lock is one of Home Assistant's own
MQTT integration, and whoever hears its command is as far as the car. Both are pressed in turn through one WebSocket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from house.car import Event
from house.house import LOCK, House

BARE = "lock.bare"
_TOPIC = "bench/bare"
MOST_MS = 8.0
MOST_TAIL_MS = 15.0
WARM_UP = 20


class BareLock:
    """A lock that is nothing but MQTT: it says locked as soon as it is told to."""

    def __init__(self, house: House) -> None:
        """Plan it at the house's broker."""
        self.told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._broker = house.broker
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("driveway", house.broker.passwords["driveway"])
        self._client.on_message = self._hear

    def begin(self) -> None:
        """Connect, listen, and make Home Assistant show it."""
        self._client.connect("127.0.0.1", self._broker.port)
        self._client.subscribe(f"{_TOPIC}/set", qos=0)
        self._client.loop_start()
        config = {"name": "Bare", "unique_id": "bare", "command_topic": f"{_TOPIC}/set", "state_topic": _TOPIC}
        self._client.publish("homeassistant/lock/bare/config", json.dumps(config), qos=1, retain=True)
        self._client.publish(_TOPIC, "LOCKED", retain=True)

    def end(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self.told.set)
        self._client.publish(_TOPIC, message.payload.decode() + "ED")


async def _took_ms(act: Awaitable[object], done: asyncio.Event) -> tuple[float, float]:
    """Milliseconds until the far end has acted, and until Home Assistant says that the action is over."""
    clock = asyncio.get_running_loop().time
    done.clear()
    began = clock()
    acting = asyncio.ensure_future(act)
    async with asyncio.timeout(20):
        await done.wait()
        acted = clock()
        await acting
    return (acted - began) * 1000, (clock() - began) * 1000


async def measure(presses: int, link: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Press both locks in turn; figures in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="driveway-bench-") as folder:
        say("starting the house (about 15 s)")
        async with House(Path(folder), with_cloud=False, over="tcp" if link == "tcp" else "hci") as house:
            moved = asyncio.Event()

            def heard(event: Event) -> None:
                if event["event"] == "state":
                    moved.set()

            house.car.on_event = heard
            ours: list[tuple[float, float]] = []
            bare: list[tuple[float, float]] = []
            async with _bare(house) as lock:
                for number in range(WARM_UP + presses):
                    verb = "unlock" if number % 2 == 0 else "lock"
                    ours.append(await _took_ms(house.websocket.call(f"lock.{verb}", LOCK), moved))
                    await house.websocket.becomes(LOCK, f"{verb}ed", timeout_s=5)
                    bare.append(await _took_ms(house.websocket.call(f"lock.{verb}", BARE), lock.told))
                    if number % 50 == 49:
                        say(f"{number + 1} of {WARM_UP + presses} presses")
            return {
                "python": platform.python_version(),
                "presses": presses,
                "link": link,
                "to_the_car": _figures([row[0] for row in ours]),
                "over": _figures([row[1] for row in ours]),
                "bare_to_its_end": _figures([row[0] for row in bare]),
                "bare_over": _figures([row[1] for row in bare]),
            }


@asynccontextmanager
async def _bare(house: House) -> AsyncIterator[BareLock]:
    lock = BareLock(house)
    lock.begin()
    try:
        await house.websocket.becomes(BARE, "locked", timeout_s=20)
        yield lock
    finally:
        lock.end()


def _figures(took_ms: list[float]) -> dict[str, float]:
    after = took_ms[WARM_UP:]
    return {
        "median": round(statistics.median(after), 2),
        "p95": round(statistics.quantiles(after, n=20, method="inclusive")[-1], 2),
    }


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="scripts/bench house")
    parser.add_argument("--presses", type=int, default=200, help="of each lock (default: 200)")
    parser.add_argument("--link", choices=("tcp", "radio"), default="tcp", help="how the bridge reaches the car")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.presses, options.link, lambda text: print(f"bench: {text}", file=sys.stderr)))
    ours, bare = figures["to_the_car"], figures["bare_to_its_end"]
    figures["ratio_of_medians"] = round(ours["median"] / bare["median"], 2)
    good = ours["median"] <= MOST_MS and ours["p95"] <= MOST_TAIL_MS
    print(json.dumps(figures))
    print(
        f"Home Assistant to the car: median {ours['median']} ms (at most {MOST_MS:g}), 95 % within {ours['p95']} ms (at"
        f" most {MOST_TAIL_MS:g}); a bare MQTT lock: {bare['median']} and {bare['p95']} ms;"
        f" {'good' if good else 'NOT GOOD ENOUGH'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
