"""A house under attack: real broker, real bridge and virtual car as processes, the owner, and somebody with bad intent.

The attacker may publish and hear everything on the broker. He has no code.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from driveway_bridge import code_store, key_store
from driveway_bridge.contract import Outcome, Result, Signer, new_code
from driveway_bridge.contract_topics import Topics
from tests.bridge import paho_thread
from tests.bridge.daemon.house import PATIENCE_S, Heard, House
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_kill import Watcher
from tests.bridge.daemon.test_process import CAR, Process, configuration, driveway, simulated_car
from tests.bridge.daemon.wire import Wire

ANSWERS_AGAIN_S = 0.3
"""The bridge answers five unreadable messages a second; nobody tells when it would answer one more."""
EVIL = "EVIL"
"""Stands in what the attacker writes, and may be repeated nowhere."""


class Intruder:
    """One connection of the attacker, of any kind that he likes."""

    def __init__(self, port: int, *, client_id: str = "", version: str = "5", clean: bool = True) -> None:
        self._fifth = version == "5"
        self._port = port
        self._connected = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._clean = clean
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if self._fifth else clean,
            protocol=MQTTProtocolVersion.MQTTv5 if self._fifth else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe

    def _on_connect(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._connected.set)

    def _on_subscribe(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def will(self, topic: str, payload: str, *, delay_s: int = 0, retain: bool = False) -> None:
        """Have the broker say this when the connection is cut."""
        properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
        properties.WillDelayInterval = delay_s
        self._client.will_set(topic, payload, qos=1, retain=retain, properties=properties)

    async def __aenter__(self) -> Self:
        properties = None
        if self._fifth:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0 if self._clean else 3600
            self._client.connect("127.0.0.1", self._port, clean_start=self._clean, properties=properties)
        else:
            self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        async with asyncio.timeout(PATIENCE_S):
            await self._connected.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(paho_thread.end, self._client)

    async def publish(self, topic: str, payload: str | bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Publish, and wait until the broker has it."""
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        await asyncio.to_thread(info.wait_for_publish, PATIENCE_S)
        assert info.is_published()

    async def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)
        async with asyncio.timeout(PATIENCE_S):
            await self._subscribed.wait()

    def cut(self) -> None:
        """Vanish without leave."""
        connected = self._client.socket()
        assert connected is not None
        connected.close()


class CarWatcher(Watcher):
    """Reads what the car tells, and can make sure that it has told everything."""

    def __init__(self, car: Process) -> None:
        super().__init__(car)
        self._news = asyncio.Event()

    async def read(self) -> None:
        assert self.car.process.stdout is not None
        async for line in self.car.process.stdout:
            self.events.append(json.loads(line) | {"heard_at": time.monotonic()})
            self._news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until what was told so far makes it true."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self._news.clear()
                await self._news.wait()

    def say(self, word: str) -> None:
        assert self.car.process.stdin is not None
        self.car.process.stdin.write(f"{word}\n".encode())

    async def all_told(self) -> None:
        """Say a word to it, and wait for its answer: what happened before stands before that."""
        answers = len(self.named("did"))
        self.say("state")
        await self.until(lambda: len(self.named("did")) > answers)


class Siege:
    """What a trick is played with."""

    def __init__(
        self, broker: Mosquitto, owner: House, car: CarWatcher, folder: Path, *, to_broker: Wire, to_car: Wire
    ) -> None:
        self.to_broker = to_broker
        """The bridge's way to the broker."""
        self.to_car = to_car
        self.broker = broker
        self.owner = owner
        self.car = car
        self.data = folder / "data"
        self.code = code_store.load_or_create_code(self.data)
        self.signer = Signer.from_code(self.code)
        self.stranger = Signer.from_code(new_code())
        self.topics = Topics("driveway", code_store.load_or_create_bridge_id(self.data))
        self.topic = self.topics.command(CAR)
        self.client_id = f"driveway-{self.topics.bridge}"
        self.tries: Counter[str] = Counter()
        """Refusals that were promised, by reason; the audit has to know them all."""
        self.wanted = 0
        """Signed commands of the owner that the car was to hear."""
        self.bridge: Process
        self._folder = folder
        file = configuration(folder, to_broker.port, to_car.port)
        self._run = ("run", "--config", file, "--data", self.data)
        self._running = contextlib.AsyncExitStack()

    # The bridge -------------------------------------------------------------------------------------------------------

    async def start(self, *, to_the_car: bool = True) -> None:
        """Start it, and wait until it is online, and has heard the car: what talks to it is loaded by then."""
        since = len(self.owner.heard)
        self.bridge = await self._running.enter_async_context(driveway(self._folder, *self._run))
        await self._online(since)
        if to_the_car:
            await self.owner.wait(self._heard_from_the_car, since)

    def _heard_from_the_car(self, heard: Heard) -> bool:
        body = self.topics.state(CAR, "body")
        return heard.topic == body and json.loads(heard.payload)["lock"]["source"] in ("read", "push")

    async def stop(self, *, kill: bool = False) -> None:
        """End it, in order or not."""
        if kill:
            await self.all_audited()
            self.bridge.process.kill()
        else:
            self.bridge.process.terminate()
        await self.bridge.end()
        await self._running.aclose()

    async def all_audited(self) -> None:
        """Wait until what the owner has had done is on the disk: a power cut may take the last milliseconds with it."""
        async with asyncio.timeout(PATIENCE_S):
            while self.audited("outcome", "confirmed") < self.wanted:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.01)

    def audited(self, name: str, value: str) -> int:
        """How many commands in the audit have this."""
        lines = map(json.loads, (self.data / "audit.log").read_text().split("\n")[:-1])
        return len([line for line in lines if line["kind"] == "command" and line[name] == value])

    async def _online(self, since: int) -> None:
        await self.owner.wait(lambda heard: heard.topic == self.topics.status and heard.payload == b"online", since)

    @contextlib.asynccontextmanager
    async def bridge_away(self) -> AsyncIterator[None]:
        """Throw the bridge off the broker by taking its name, for as long as this lasts; then it comes back."""
        since = len(self.owner.heard)
        async with Intruder(self.broker.port, client_id=self.client_id):
            yield
        await self._online(since)

    # The owner --------------------------------------------------------------------------------------------------------

    async def signed(self, name: str = "unlock", **changes: Any) -> str:
        """A genuine command that nobody has published yet: as if it had been caught on its way."""
        return (await self.owner.signed(self.signer, CAR, name, **changes))[1]

    async def do(self, name: str, **changes: Any) -> str:
        """Let the owner give a command that has to be done; gives what could be heard of it on the broker."""
        command_id, payload = await self.owner.signed(self.signer, CAR, name, **changes)
        self.owner.publish(self.topic, payload)
        assert (await self.owner.final(command_id)).outcome is Outcome.CONFIRMED
        self.wanted += 1
        return payload

    async def captured(self) -> str:
        """An unlock of the owner that was heard on the broker; the car is locked again."""
        payload = await self.do("unlock")
        await self.do("lock")
        return payload

    def document(self, **changes: Any) -> dict[str, Any]:
        """What a command says, as far as the attacker can know it, with changes; None takes a field out."""
        fields = {
            "contract": 1,
            "id": secrets.token_hex(8),
            "client": self.signer.client,
            "car": CAR,
            "command": "unlock",
            "arguments": {},
            "boot": "0" * 16,
            "issued": 1.0,
            "ttl": 5.0,
        }
        return {name: value for name, value in (fields | changes).items() if value is not None}

    # The attacker -----------------------------------------------------------------------------------------------------

    def intruder(self, **kind: Any) -> Intruder:
        return Intruder(self.broker.port, **kind)

    async def publish(
        self, payload: str | bytes, topic: str | None = None, *, retain: bool = False, qos: int = 1
    ) -> None:
        """Let the attacker publish, by default to the command topic of the car."""
        async with self.intruder() as intruder:
            await intruder.publish(topic or self.topic, payload, retain=retain, qos=qos)

    async def forge(self, document: Mapping[str, Any] | str, signature: object = "0" * 64) -> None:
        """Let the attacker publish a document with a signature that he has made up."""
        text = document if isinstance(document, str) else json.dumps(document)
        await self.publish(json.dumps({"document": text, "signature": signature}))

    async def refused(self, reason: str, since: int, topic: str | None = None) -> Result:
        """Wait for the bridge's word that a command was refused for this reason."""

        def says(heard: Heard) -> bool:
            if heard.topic != (topic or self.topics.result(CAR)):
                return False
            return Result.parse(heard.payload).reason == reason

        self.tries[reason] += 1
        return Result.parse((await self.owner.wait(says, since)).payload)

    async def logged(self, text: str) -> None:
        """Wait until the bridge has written this into its log."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.bridge.log:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)

    async def settle(self) -> None:
        """Let the bridge be ready to answer once more what it cannot read."""
        await asyncio.sleep(ANSWERS_AGAIN_S)

    async def moves(self) -> list[str]:
        """Signed commands that have come to the car, but for the bridge's own questions."""
        await self.car.all_told()
        return [event["name"] for event in self.car.named("command") if event["name"] != "getVehicleData"]


@contextlib.asynccontextmanager
async def siege(
    broker: Mosquitto, folder: Path, *, lets_in: Callable[[bytes], bool] = lambda _first: True
) -> AsyncIterator[Siege]:
    """Begin one; the bridge runs. `lets_in` judges its connections to the broker by their first bytes."""
    public = key_store.load_or_create(folder / "data").public
    async with contextlib.AsyncExitStack() as stack:
        car, port = await stack.enter_async_context(simulated_car(folder, public))
        owner = await stack.enter_async_context(House(broker.port))
        to_broker = await stack.enter_async_context(Wire(broker.port))
        to_broker.lets_in = lets_in
        to_car = await stack.enter_async_context(Wire(port))
        watcher = CarWatcher(car)
        reading = asyncio.create_task(watcher.read())
        made = Siege(broker, owner, watcher, folder, to_broker=to_broker, to_car=to_car)
        try:
            await made.start()
            yield made
        finally:
            await made._running.aclose()
            reading.cancel()
            await asyncio.wait([reading])


def no_mqtt_5(first: bytes) -> bool:
    """As a broker that speaks 3.1.1 at most."""
    return first[first.index(b"MQTT") + 4] < 5


def envelope(document: str, signer: Signer) -> str:
    """A signed envelope around any text."""
    return json.dumps({"document": document, "signature": signer.signature(document.encode())})
