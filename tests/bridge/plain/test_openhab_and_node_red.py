"""The examples of docs/mqtt.md for openHAB and Node-RED, played against the bridge as a process, a broker and a car.

Their MQTT is another than ours: version 3.1.1, QoS 1 and 2, numbers as `80.0`, booleans as `true`, and now and then a
message that shall be stored by mistake.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from driveway_bridge import code_store, config, key_store
from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.mqtt.things import THINGS
from driveway_bridge.settings import PLAIN_TOPICS
from tests.bridge import paho_thread
from tests.bridge.daemon.house import PATIENCE_S, House, until_taken
from tests.bridge.daemon.mosquitto import ROOT, Mosquitto
from tests.bridge.daemon.test_process import CAR, VIN, Process, configuration, driveway, simulated_car

PAGE = (ROOT / "docs/mqtt.md").read_text()


def example(heading: str, bridge: str) -> str:
    """The first example below a heading, for our bridge and car."""
    found = re.search(rf"(?s)### {heading}\n.*?```\w*\n(.*?)```", PAGE)
    assert found is not None
    return found[1].replace("bridge-0badcafe", bridge).replace("car-ade9a822", CAR)


class Home:
    """The bridge and what an owner sees of it."""

    def __init__(self, bridge: str, port: int, process: Process) -> None:
        self.topics = Topics("driveway", bridge)
        self.port = port
        self.process = process


@pytest.fixture
async def home(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Home]:
    data = tmp_path / "data"
    bridge = code_store.load_or_create_bridge_id(data)
    public = key_store.load_or_create(data).public
    async with simulated_car(tmp_path, public) as (_, port), House(broker.port) as house:
        run = ("run", "--config", configuration(tmp_path, broker.port, port), "--data", data)
        async with driveway(tmp_path, *run) as process:
            await until_taken(house)
            yield Home(bridge, broker.port, process)


class Old:
    """A client of MQTT 3.1.1, as programs in houses have one."""

    def __init__(self, port: int, topics: dict[str, int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._topics = topics
        self._news = asyncio.Event()
        self.heard: list[tuple[str, str]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self.client.on_message = self._on_message

    def _on_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._note, message.topic, message.payload.decode())

    def _note(self, topic: str, payload: str) -> None:
        self.heard.append((topic, payload))
        self._news.set()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Old]:
        self.client.connect("127.0.0.1", self._port)
        self.client.subscribe(list(self._topics.items()))
        self.client.loop_start()
        try:
            yield self
        finally:
            await asyncio.to_thread(paho_thread.end, self.client)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self._news.clear()
                await self._news.wait()


class OpenHab:
    """A thing with its channels, as its file says."""

    def __init__(self, port: int, things: str) -> None:
        self.channels: dict[str, dict[str, str]] = {}
        for kind, name, settings in re.findall(r'Type (\w+) +: (\w+) +"[^"]*" +\[ (.*?) \]\n', things):
            self.channels[name] = {"kind": kind} | dict(re.findall(r'(\w+)="(.*?)"', settings))
        found = re.search(r"Thing topic \w+ .*? \[ (.*?) \] \{", things)
        assert found is not None
        self.thing: dict[str, str] = dict(re.findall(r'(\w+)="(.*?)"', found[1]))
        topics = [one["stateTopic"] for one in self.channels.values() if "stateTopic" in one]
        self.mqtt = Old(port, dict.fromkeys([self.thing["availabilityTopic"], *topics], 0))

    @property
    def available(self) -> bool:
        told = [payload for topic, payload in self.mqtt.heard if topic == self.thing["availabilityTopic"]]
        return bool(told) and told[-1] == self.thing["payloadAvailable"]

    def states(self, name: str) -> list[str]:
        """All that a channel has shown."""
        channel = self.channels[name]
        told = [payload for topic, payload in self.mqtt.heard if topic == channel["stateTopic"]]
        return [_json_path(channel["transformationPattern"], payload) for payload in told]

    def command(self, name: str, value: str | float) -> None:
        channel = self.channels[name]
        text = channel[value.lower()] if isinstance(value, str) else channel.get("formatBeforePublish", "%s") % value
        self.mqtt.client.publish(channel["commandTopic"], text)


def _json_path(transformation: str, payload: str) -> str:
    value: Any = json.loads(payload)
    for key in transformation.removeprefix("JSONPATH:$.").split("."):
        value = value[key]
    return value if isinstance(value, str) else json.dumps(value)


async def test_openhab(home: Home) -> None:
    openhab = OpenHab(home.port, example("openHAB", home.topics.bridge))
    assert set(openhab.channels) == {"locked", "lock", "climate", "temperature", "charge_limit", "result"}
    async with openhab.mqtt.connected() as mqtt:
        await mqtt.until(lambda: openhab.available and "locked" in openhab.states("locked"))
        openhab.command("lock", "ON")
        await mqtt.until(lambda: bool({"done", "already_so"} & set(openhab.states("result"))))
        openhab.command("lock", "OFF")
        await mqtt.until(lambda: "plain_may_not" in openhab.states("result"))
        openhab.command("charge_limit", 77)
        await mqtt.until(lambda: "77" in openhab.states("charge_limit"))
        openhab.command("temperature", 21.5)
        await mqtt.until(lambda: "21.5" in openhab.states("temperature"))
        openhab.command("climate", "ON")
        await mqtt.until(lambda: openhab.states("climate")[-1] == "true")
        home.process.signal(15)
        await mqtt.until(lambda: not openhab.available)
        assert set(openhab.states("locked")) <= {"locked", "null"}


class NodeRed:
    """A flow, as it is imported."""

    def __init__(self, flow: str) -> None:
        self.nodes: dict[str, dict[str, Any]] = {node["id"]: node for node in json.loads(flow)}
        [broker] = [node for node in self.nodes.values() if node["type"] == "mqtt-broker"]
        assert (broker["protocolVersion"], broker["cleansession"]) == ("4", True)
        ears = [node for node in self.nodes.values() if node["type"] == "mqtt in"]
        self.topics = {node["topic"]: int(node["qos"]) for node in ears}
        wired = {wire for node in self.nodes.values() for port in node.get("wires", ()) for wire in port}
        assert wired <= self.nodes.keys()

    def inject(self, mqtt: Old, node_id: str, *, retain: bool | None = None) -> None:
        """Press the button of an inject node: its payload goes the way that Node-RED makes of its type."""
        node = self.nodes[node_id]
        kinds: dict[str, Callable[[str], Any]] = {"num": json.loads, "bool": json.loads, "str": str}
        value = kinds[node["payloadType"]](node["payload"])
        payload = value if isinstance(value, str) else json.dumps(value)
        for out_id in node["wires"][0]:
            out = self.nodes[out_id]
            stored = out["retain"] == "true" if retain is None else retain
            mqtt.client.publish(out["topic"], payload, qos=int(out["qos"]), retain=stored)


async def test_node_red(home: Home) -> None:
    flow = NodeRed(example("Node-RED", home.topics.bridge))
    mqtt = Old(home.port, flow.topics)
    results = home.topics.result(CAR)

    def said(thing: str, *reasons: str) -> bool:
        told = [json.loads(payload) for topic, payload in mqtt.heard if topic == results]
        return any(str(one["id"]).startswith(f"{thing}-") and one["reason"] in reasons for one in told)

    async with mqtt.connected():
        await mqtt.until(lambda: any(topic == home.topics.state(CAR, "body") for topic, _ in mqtt.heard))
        flow.inject(mqtt, "i3")
        await mqtt.until(lambda: said("lock", "done", "already_so"))
        flow.inject(mqtt, "i1")
        await mqtt.until(lambda: said("charge_limit", "done", "already_so"))
        flow.inject(mqtt, "i2")
        await mqtt.until(lambda: said("climate", "done", "already_so"))
        flow.inject(mqtt, "i3", retain=True)
        await mqtt.until(lambda: said("lock", "retained"))


# What else the page says ----------------------------------------------------------------------------------------------


def test_the_default_is_as_the_page_says(tmp_path: Path) -> None:
    written = re.search(r"(?s)## Plain topics.*?```yaml\n(.*?)```", PAGE)
    assert written is not None
    file = tmp_path / "driveway.yaml"
    file.write_text(f"{written[1]}cars: [{{vin: {VIN}}}]\n")
    assert config.load(file, {}).plain_topics == PLAIN_TOPICS


def test_the_table_of_things_is_the_bridges() -> None:
    rows = []
    for thing in THINGS.values():
        words = [
            f"`{word}`{' 🔑' if CATALOGUE[deed.command].opens else ''}"
            for word, deed in thing.words.items()
            if not word.isdigit()
        ]
        digits = [word for word in thing.words if word.isdigit()]
        numbers = f"{digits[0]} to {digits[-1]}" if digits else ""
        numbers = thing.scale.words.removeprefix("a number ") if thing.scale else numbers
        shows = f"`state/{thing.shows[0]}`: `{thing.shows[1]}`" if thing.shows else ""
        rows.append(f"| `{thing.name}` | {', '.join(words)} | {numbers} | {shows} |")
    table = re.search(r"(?s)\| Thing \| .*?\n\| --- .*?\n(.*?)\n\n", PAGE)
    assert table is not None
    assert table[1] == "\n".join(rows)
