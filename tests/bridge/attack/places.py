"""Tricks with topics, and with who is who on the broker."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from driveway_bridge.contract import OFFLINE, Clock
from driveway_bridge.mqtt.uplink import BRIEF
from tests.bridge.attack.siege import EVIL, Siege
from tests.bridge.attack.trick import trick
from tests.bridge.daemon.mosquitto import ROOT
from tests.bridge.daemon.test_process import CAR


@trick(
    "publishes a fresh command beside the command topic: in capitals, with a slash more, one level deeper",
    "Nothing: the bridge does not listen there",
)
async def beside_the_topic(siege: Siege) -> None:
    payload, topic = await siege.signed(), siege.topic
    others = (topic.replace("command", "Command"), f"{topic}/", f"/{topic}", f"{topic}/{CAR}", topic.upper())
    async with siege.intruder() as intruder:
        for other in others:
            await intruder.publish(other, payload)


@trick(
    "publishes a fresh command where the bridge speaks: its result, clock, info, state",
    "Nothing: the bridge does not listen there",
)
async def into_the_bridges_mouth(siege: Siege) -> None:
    payload, topics = await siege.signed(), siege.topics
    async with siege.intruder() as intruder:
        for topic in (topics.clock, topics.link(CAR), topics.state(CAR, "evil"), topics.health):
            await intruder.publish(topic, payload)


@trick("publishes plain words, as an automation would", "Nothing that opens is done without a signature")
async def plain_words(siege: Siege) -> None:
    async with siege.intruder() as intruder:
        for thing in ("lock", "unlock", "trunk", "frunk_open"):
            for word in ("UNLOCK", "unlock", "OPEN", "1", "PRESS"):
                await intruder.publish(siege.topics.plain(CAR, thing), word)


@trick("publishes a fresh command to where the bridge listens to itself; then where it belongs", "`bad_signature`")
async def into_the_ear(siege: Siege) -> None:
    payload, since = await siege.signed(), len(siege.owner.heard)
    async with siege.intruder() as intruder:
        await intruder.publish(siege.topics.command("ear"), payload)
        await intruder.publish(siege.topic, payload.replace("unlock", "UNLOCK"))
    await siege.refused("bad_signature", since)


@trick(
    "invents cars whose names are no names: with blanks, too long, without a letter",
    "`other_car` in the log and the audit; nothing is published under such a name",
)
async def cars_that_cannot_be(siege: Siege) -> None:
    for name in (f"{EVIL} car", "", "\N{PILE OF POO}", "x" * 65):
        payload = await siege.signed()
        await siege.publish(payload, siege.topics.command(name))
        siege.tries["other_car"] += 1
    await siege.logged("A command for a car that cannot be was not passed on: other_car")


@trick(
    "takes the bridge's name on the broker, so that it is thrown off, again and again",
    "The bridge comes back each time, and its log asks who else connects under its name",
)
async def the_bridges_name(siege: Siege) -> None:
    question = f"Does somebody else connect to it as `{siege.client_id}`?"
    for _ in range(BRIEF + 1):  # the first connection may have lasted
        async with siege.bridge_away():
            pass
        if question in siege.bridge.log:
            break
    await siege.logged(question)


@trick("asks for the clock a thousand times", "One answer each 50 ms at most")
async def many_questions(siege: Siege) -> None:
    since = len(siege.owner.heard)
    async with siege.intruder() as intruder:
        for _ in range(1000):
            await intruder.publish(siege.topics.clock_request, EVIL, qos=0)
        await intruder.publish(siege.topics.clock_request, EVIL)
    await siege.owner.wait(lambda heard: heard.topic == siege.topics.clock, since)
    told = [json.loads(one.payload)["now"] for one in siege.owner.heard[since:] if one.topic == siege.topics.clock]
    assert len(told) <= 2 + (told[-1] - told[0]) / 0.04


@trick(
    "says in the bridge's name that it is away, and takes its `info` out of the broker",
    "Home Assistant shows it as not available until the bridge speaks again; that is a nuisance, and no more",
)
async def away_in_its_name(siege: Siege) -> None:
    info = next(one.payload for one in reversed(siege.owner.heard) if one.topic == siege.topics.info and one.payload)
    async with siege.intruder() as intruder:
        await intruder.publish(siege.topics.status, OFFLINE, retain=True)
        await intruder.publish(siege.topics.info, b"", retain=True)
        await intruder.publish(siege.topics.info, info, retain=True)  # for those who play the next trick


@trick(
    "asks for a pairing, to get a key of his own into the car",
    "`not_signed`, `bad_signature`",
)
async def a_key_of_his_own(siege: Siege) -> None:
    since = len(siege.owner.heard)
    document = siege.document(command="pair", arguments={"role": "owner"})
    await siege.publish(json.dumps({"document": json.dumps(document)}))
    await siege.refused("not_signed", since)
    await siege.forge(document)
    await siege.refused("bad_signature", since)


@trick(
    "speaks as the bridge's clock, an hour ahead, while a program of the owner asks for the time",
    "Nothing: the clock is signed, and the program waits for the genuine one",
)
async def as_its_clock(siege: Siege) -> None:
    since = len(siege.owner.heard)
    boot, now = await siege.owner.clock()
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        ROOT / "docs/reference_client.py",
        f"mqtt://127.0.0.1:{siege.broker.port}",
        CAR,
        "lock",
        env=os.environ | {"DRIVEWAY_CODE": siege.code},
        stdout=asyncio.subprocess.DEVNULL,
    )
    forged = Clock.signed(boot, now() + 3600, [siege.stranger])
    forged = Clock(boot, forged.now, {siege.signer.client: forged.signatures[siege.stranger.client]})
    async with siege.intruder() as intruder:
        ending = asyncio.create_task(program.wait())
        while not ending.done():
            await intruder.publish(siege.topics.clock, forged.payload())
            await asyncio.sleep(0.01)  # else a slow computer would do nothing else
        assert await ending == 0
    siege.wanted += 1
    given = [one for one in siege.owner.heard[since:] if one.topic == siege.topic]
    documents = [json.loads(json.loads(one.payload)["document"]) for one in given]
    assert [document["command"] for document in documents] == ["lock"]
    assert documents[0]["issued"] <= now()
    assert any(one.payload == forged.payload().encode() for one in siege.owner.heard[since:])
