"""A client of Home Assistant's WebSocket API: commands, actions with their errors, and a mirror of all states."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import aiohttp

from house.processes import HouseError
from house.watched import Watched

_ANSWER_S = 90.0


class CommandFailed(HouseError):
    """Home Assistant answered with an error; `text` is what a person sees, `key` names the translated text."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        """Keep what the answer's error says."""
        self.code: str = error["code"]
        self.text: str = error["message"]
        self.key: str | None = error.get("translation_key")
        super().__init__(f"{self.code}: {self.text}")


@dataclass(frozen=True, slots=True)
class State:
    """One entity."""

    state: str
    attributes: Mapping[str, Any]


type States = Mapping[str, State]


class WebSocket:
    """One signed-in connection; `states` follows Home Assistant's entities by their ids."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take over an open connection; `connect` is the way to one."""
        self.states: Watched[States] = Watched({})
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[int, Callable[[Any], None]] = {}
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, session: aiohttp.ClientSession, base: str, token: str) -> Self:
        """Connect, sign in with an access token and follow the states."""
        socket = await session.ws_connect(f"{base}/api/websocket", max_msg_size=0)
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        greeting = await socket.receive_json()
        if greeting["type"] != "auth_ok":
            raise HouseError(f"Home Assistant does not let us in: {greeting.get('message')}")
        client = cls(socket)
        client._reader = asyncio.create_task(client._read(), name="Home Assistant's WebSocket")
        await client.subscribe("subscribe_entities", client._follow)
        return client

    async def close(self) -> None:
        """Hang up; whoever still waits for an answer gets an error."""
        await self._socket.close()
        if self._reader:
            await self._reader

    async def command(self, kind: str, **arguments: Any) -> Any:
        """Send a command and give its result; CommandFailed."""
        return await self._send(next(self._ids), kind, arguments)

    async def subscribe(self, kind: str, listener: Callable[[Any], None], **arguments: Any) -> None:
        """Send a command whose events the listener gets."""
        number = next(self._ids)
        self._listeners[number] = listener
        await self._send(number, kind, arguments)

    async def call(self, action: str, entity: str, **data: Any) -> None:
        """Perform an action (`lock.unlock`) on an entity and wait until it is over; CommandFailed."""
        domain, service = action.split(".")
        target = {"entity_id": entity}
        await self.command("call_service", domain=domain, service=service, target=target, service_data=data)

    async def entities(self, platform: str = "driveway") -> list[str]:
        """Ids of the enabled entities of an integration."""
        registered = await self.command("config/entity_registry/list")
        return [item["entity_id"] for item in registered if item["platform"] == platform and not item["disabled_by"]]

    def state(self, entity: str) -> str | None:
        """The state of an entity, None where there is none."""
        found = self.states.value.get(entity)
        return found.state if found else None

    async def becomes(self, entity: str, *wanted: str, timeout_s: float) -> str:
        """Wait until the entity has one of these states; HouseError that tells the state it has instead."""
        try:
            await self.states.until(
                lambda states: entity in states and states[entity].state in wanted, timeout_s=timeout_s
            )
        except TimeoutError as error:
            now = self.state(entity)
            raise HouseError(f"{entity} is {now}, not {' or '.join(wanted)}, after {timeout_s:.0f} s") from error
        return self.states.value[entity].state

    async def _send(self, number: int, kind: str, arguments: Mapping[str, Any]) -> Any:
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._socket.send_json({"id": number, "type": kind, **arguments})
                return await answer
        finally:
            del self._answers[number]

    async def _read(self) -> None:
        async for frame in self._socket:
            content = frame.json()
            for message in content if isinstance(content, list) else [content]:
                self._receive(message)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(HouseError("Home Assistant hung up."))

    def _receive(self, message: Mapping[str, Any]) -> None:
        number = message["id"]
        if message["type"] == "event":
            if listener := self._listeners.get(number):
                listener(message["event"])
        elif message["type"] == "result" and (answer := self._answers.get(number)) and not answer.done():
            if message["success"]:
                answer.set_result(message["result"])
            else:
                answer.set_exception(CommandFailed(message["error"]))

    def _follow(self, event: Mapping[str, Any]) -> None:
        """Take an event of `subscribe_entities`: a added, c changed, r removed; s state, a attributes."""
        states = dict(self.states.value)
        for entity, added in event.get("a", {}).items():
            states[entity] = State(added["s"], added["a"])
        for entity, change in event.get("c", {}).items():
            old, new = states[entity], change.get("+", {})
            gone = change.get("-", {}).get("a", ())
            attributes = {key: value for key, value in old.attributes.items() if key not in gone} | new.get("a", {})
            states[entity] = replace(old, state=new.get("s", old.state), attributes=attributes)
        for entity in event.get("r", ()):
            states.pop(entity, None)
        self.states.update(states)
