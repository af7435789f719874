"""`driveway status` of a running bridge: what the owner reads, from what lies at the broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from driveway_bridge import code_store
from driveway_bridge.contract import CarInfo, Info, LinkState
from driveway_bridge.contract_topics import Topics
from driveway_bridge.vin import car_id
from tests.bridge import paho_thread
from tests.bridge.cli.programs import VIN, Done
from tests.bridge.daemon.mosquitto import Mosquitto, find_mosquitto

Driveway = Callable[..., Done]
CAR = car_id(VIN)


class Told:
    """A bridge that is nothing but what it tells."""

    def __init__(self, topics: Topics, port: int) -> None:
        self.topics = topics
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._end = threading.Event()
        self._ticking = threading.Thread(target=self._tick)

    def stored(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)

    def online(self, **health: Any) -> None:
        cars = (CarInfo(id=CAR, name="Anna"),)
        info = Info(bridge=self.topics.bridge, name="Garage", version="1.2", boot="b1", cars=cars)
        self.stored(self.topics.info, info.payload())
        self.stored(self.topics.health, json.dumps({"uptime_s": 7000} | health))
        self.stored(self.topics.status, "online")
        self._ticking.start()

    def _tick(self) -> None:
        while not self._end.wait(0.1):
            self._client.publish(self.topics.clock, json.dumps({"boot": "b1", "now": 7200.0}))

    def close(self) -> None:
        self._end.set()
        if self._ticking.is_alive():
            self._ticking.join(5)
        paho_thread.end(self._client)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(find_mosquitto(), tmp_path / "broker") as mosquitto:
        mosquitto.start()
        yield mosquitto


@pytest.fixture
def bridge(broker: Mosquitto, data: Path) -> Iterator[Told]:
    told = Told(Topics("driveway", code_store.load_or_create_bridge_id(data)), broker.port)
    yield told
    told.close()


@pytest.fixture
def way(broker: Mosquitto, data: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    file = tmp_path / "driveway.yaml"
    file.write_text(f"mqtt: {{port: {broker.port}}}\ncars: [{{vin: {VIN}, name: Anna}}]\n")
    return ("status", "--config", file, "--data", data)


def test_a_line_for_each_link_of_the_chain(driveway: Driveway, bridge: Told, way: tuple[str | Path, ...]) -> None:
    """Pains 20, 22: whether the bridge is up, the car in reach, the link well and the values fresh, each by itself."""
    link = LinkState(
        boot="b1", reachable=True, in_range=True, signal_dbm=-67, asleep=True, heard_at=7198.0, contact_at=6900.0
    )
    bridge.stored(bridge.topics.link(CAR), link.payload())
    body = {"lock": {"value": "locked", "at": 6900.0, "source": "read"}}
    bridge.stored(bridge.topics.state(CAR, "body"), json.dumps(body))
    bridge.online(
        mqtt={"connected": True, "ear": {"ok": True}, "home_assistant_s_ago": 12},
        radio={"kind": "system", "adapter": "hci0", "state": "ok", "heard_per_minute": 120},
    )
    done = driveway(*way)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "Bridge          Garage, version 1.2: running for 2 h",
        "MQTT broker     connected, and commands reach the bridge",
        "Home Assistant  seen 12 s ago",
        "Bluetooth       hci0: listening, 120 calls of all devices a minute",
        "Anna            locked (as of 5 min ago), asleep, reached (last answer 5 min ago), -67 dBm (good)",
    ]
    assert VIN not in done.out


def test_problems_come_with_remedies(driveway: Driveway, bridge: Told, way: tuple[str | Path, ...]) -> None:
    link = LinkState(boot="b1", reachable=False, in_range=True, why_not="key_not_enrolled")
    bridge.stored(bridge.topics.link(CAR), link.payload())
    bridge.online(problems=[{"part": CAR, "reason": "key_not_enrolled"}, {"part": "x", "reason": "of a later version"}])
    out = driveway(*way).out
    assert "Anna            locks unknown, not reached: The car does not know this bridge's key\n" in out
    assert "\nAnna: The car does not know this bridge's key.\n  Pair the bridge" in out


def test_a_car_that_is_away(driveway: Driveway, bridge: Told, way: tuple[str | Path, ...]) -> None:
    """Pain 22."""
    link = LinkState(boot="b1", in_range=False, reachable=True, heard_at=3600.0, contact_at=3600.0)
    bridge.stored(bridge.topics.link(CAR), link.payload())
    bridge.online()
    assert "not in reach (last heard 60 min ago)" in driveway(*way).out


@pytest.mark.parametrize(
    ("lease", "words"),
    [
        ({"holder": "bridge-a", "own": True, "why": "alone"}, ""),
        ({"holder": "bridge-a", "own": True, "why": "left"}, "looked after by this bridge, of several"),
        ({"holder": "bridge-0000000b", "own": False, "why": "other"}, "looked after by the bridge Carport"),
        ({"holder": "bridge-0000000c", "own": False, "why": "other"}, "looked after by the bridge bridge-0000000c"),
        ({"holder": None, "own": False, "why": "waiting"}, "looked after by no bridge at the moment"),
        ({"holder": "a\nb", "own": False, "why": "other"}, "looked after by no bridge at the moment"),
        ({"holder": None, "own": False, "why": "cut_off"}, "other bridges may not hear this one"),
    ],
)
def test_who_looks_after_the_car(
    driveway: Driveway, bridge: Told, way: tuple[str | Path, ...], lease: dict[str, Any], words: str
) -> None:
    other = Info(bridge="bridge-0000000b", name="Carport", version="1.2", boot="b2")
    bridge.stored(Topics("driveway", other.bridge).info, other.payload())
    bridge.stored(bridge.topics.link(CAR), LinkState(boot="b1", reachable=True).payload())
    bridge.online(cars={CAR: {"lease": lease}})
    said = driveway(*way).out
    assert words in said
    assert ("looked after" in said) == ("looked after" in words)
    assert said.count("Bridge") == 1


def test_for_programs(driveway: Driveway, bridge: Told, way: tuple[str | Path, ...]) -> None:
    bridge.online(mqtt={"connected": True})
    told = driveway(*way, "--json").json
    assert (told["bridge"], told["status"], told["answers"]) == (bridge.topics.bridge, "online", True)
    assert told["health"]["mqtt"] == {"connected": True}
    assert told["info"]["name"] == "Garage"


def test_a_bridge_that_is_away(driveway: Driveway, bridge: Told, way: tuple[str | Path, ...]) -> None:
    never = driveway(*way)
    assert never.status == 1
    assert "The bridge is not running" in never.err
    assert driveway(*way, "--json").json["reason"] == "bridge_away"
    bridge.online()
    bridge.stored(bridge.topics.status, "offline")
    gone = driveway(*way)
    assert gone.status == 1
    assert "Garage, version 1.2: not running" in gone.out
    assert "Start it" in gone.out


def test_a_broker_that_is_away(driveway: Driveway, broker: Mosquitto, way: tuple[str | Path, ...]) -> None:
    broker.kill()
    done = driveway(*way)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"The MQTT broker at 127.0.0.1:{broker.port} is not reached")
    assert driveway(*way, "--json").json["reason"] == "broker_away"


def test_the_bridge_of_another_computer_is_found_too(
    driveway: Driveway, bridge: Told, way: tuple[str | Path, ...], tmp_path: Path
) -> None:
    bridge.online()
    elsewhere = driveway(*way[:3], "--data", tmp_path / "nothing")
    assert elsewhere.status == 0
    assert "Garage" in elsewhere.out
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--config FILE"),
        (("--vin", VIN), "--link"),
        (("--link", "bluetooth"), "--vin"),
        (("--config", "x", "--vin", VIN), "one of the two"),
        (("--vin", "123", "--link", "bluetooth"), "17 letters"),
    ],
)
def test_wrong_use(driveway: Driveway, data: Path, arguments: tuple[str, ...], said: str) -> None:
    done = driveway("status", *arguments, "--data", data)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert not data.exists()
