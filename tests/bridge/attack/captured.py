"""Tricks with genuine commands that were heard on the broker, or caught on their way."""

from __future__ import annotations

import asyncio

from driveway_bridge.mqtt.admission import AHEAD_S
from tests.bridge.attack.siege import Siege
from tests.bridge.attack.trick import trick

SHORT_S = 0.6
"""A time to live that a test can wait for."""


@trick("publishes a command again that was carried out", "`replayed`")
async def again(siege: Siege) -> None:
    payload, since = await siege.captured(), len(siege.owner.heard)
    await siege.publish(payload)
    await siege.refused("replayed", since)


@trick("publishes it a hundred times", "`replayed`; twenty a second are answered, the rest is counted")
async def again_and_again(siege: Siege) -> None:
    payload, since = await siege.captured(), len(siege.owner.heard)
    async with siege.intruder() as intruder:
        for _ in range(100):
            await intruder.publish(siege.topic, payload, qos=0)
    for _ in range(99):
        siege.tries["replayed"] += 1
    await siege.refused("replayed", since)


@trick("publishes it with the other qualities of service", "`replayed`")
async def again_with_qos_2(siege: Siege) -> None:
    payload = await siege.captured()
    for qos in (1, 2):
        since = len(siege.owner.heard)
        await siege.publish(payload, qos=qos)
        await siege.refused("replayed", since)


@trick("publishes it in UTF-16, so that its bytes are others", "`replayed`")
async def again_in_utf_16(siege: Siege) -> None:
    payload, since = await siege.captured(), len(siege.owner.heard)
    await siege.publish(payload.encode("utf-16"))
    await siege.refused("replayed", since)


@trick("publishes it with more beside the document, which nobody signed", "`replayed`")
async def again_with_company(siege: Siege) -> None:
    payload, since = await siege.captured(), len(siege.owner.heard)
    await siege.publish(payload[:-1] + ', "ttl": 60, "command": "unlock", "EVIL": true}')
    await siege.refused("replayed", since)


@trick("waits for the bridge's next start, and publishes it then", "`other_boot`")
async def after_a_restart(siege: Siege) -> None:
    payload = await siege.captured()
    await siege.stop()
    await siege.start()
    since = len(siege.owner.heard)
    await siege.publish(payload)
    await siege.refused("other_boot", since)


@trick("catches a fresh one, lets the bridge lose its power, and publishes it at its return", "`other_boot`")
async def after_a_power_cut(siege: Siege) -> None:
    payload = await siege.signed(ttl=60.0)
    await siege.stop(kill=True)
    await siege.start()
    since = len(siege.owner.heard)
    await siege.publish(payload)
    await siege.refused("other_boot", since)


@trick("stores one in the broker for the bridge's next start", "`retained`")
async def stored_for_the_next_start(siege: Siege) -> None:
    payload = await siege.captured()
    await siege.stop()
    since = len(siege.owner.heard)
    async with siege.intruder() as intruder:
        await intruder.publish(siege.topic, payload, retain=True)
        await siege.start()
        await siege.refused("retained", since)
        await intruder.publish(siege.topic, b"", retain=True)


@trick("catches a fresh one and publishes it as one to be stored; then the same as usual", "`retained`, `replayed`")
async def stored_while_it_is_fresh(siege: Siege) -> None:
    payload, since = await siege.signed(), len(siege.owner.heard)
    async with siege.intruder() as intruder:
        await intruder.publish(siege.topic, payload, retain=True)
        await siege.refused("retained", since)
        await intruder.publish(siege.topic, b"", retain=True)
        await intruder.publish(siege.topic, payload)
        await siege.refused("replayed", since)


@trick("throws the bridge off the broker, and stores a fresh one for the moment of its return", "`retained`")
async def stored_while_the_bridge_is_away(siege: Siege) -> None:
    payload, since = await siege.signed(), len(siege.owner.heard)
    async with siege.intruder() as intruder:
        async with siege.bridge_away():
            await intruder.publish(siege.topic, payload, retain=True)
        await siege.refused("retained", since)
        await intruder.publish(siege.topic, b"", retain=True)


@trick("catches one and holds it back until it is too old", "`expired`")
async def held_back(siege: Siege) -> None:
    payload = await siege.signed(ttl=SHORT_S)
    await asyncio.sleep(SHORT_S)
    since = len(siege.owner.heard)
    await siege.publish(payload)
    await siege.refused("expired", since)


@trick("freezes the broker with a fresh one inside, and lets it go on later", "`expired`")
async def in_a_frozen_broker(siege: Siege) -> None:
    payload, since = await siege.signed(ttl=SHORT_S), len(siege.owner.heard)
    async with siege.intruder() as intruder:
        siege.broker.freeze()
        try:
            sending = asyncio.create_task(intruder.publish(siege.topic, payload))
            await asyncio.sleep(2 * SHORT_S)
        finally:
            siege.broker.thaw()
        await sending
        await siege.refused("expired", since)


@trick("freezes the bridge's computer with a fresh one on its way", "`expired`")
async def in_a_frozen_bridge(siege: Siege) -> None:
    payload, since = await siege.signed(ttl=SHORT_S), len(siege.owner.heard)
    siege.bridge.process.send_signal(19)
    try:
        await siege.publish(payload)
        await asyncio.sleep(2 * SHORT_S)
    finally:
        siege.bridge.process.send_signal(18)
    await siege.refused("expired", since)


@trick("leaves it as the last will of a connection, to be told later", "`expired`")
async def as_a_delayed_will(siege: Siege) -> None:
    payload, since = await siege.signed(ttl=SHORT_S), len(siege.owner.heard)
    intruder = siege.intruder(clean=False)  # a session that outlives its connection: else the will has no delay
    intruder.will(siege.topic, payload, delay_s=1)
    async with intruder:
        intruder.cut()
    await siege.refused("expired", since)


@trick("leaves it as a last will that is stored", "`retained`")
async def as_a_stored_will(siege: Siege) -> None:
    payload, since = await siege.captured(), len(siege.owner.heard)
    intruder = siege.intruder()
    intruder.will(siege.topic, payload, retain=True)
    async with intruder:
        intruder.cut()
    await siege.refused("retained", since)
    await siege.publish(b"", retain=True)


@trick(
    "has the broker collect the owner's commands under the bridge's name while the bridge is away",
    "Nothing: the bridge begins each connection without a past, and the broker throws the collection away",
)
async def in_a_session_of_the_bridge(siege: Siege) -> None:
    payload, since = await siege.signed(), len(siege.owner.heard)
    lets_in, siege.to_broker.lets_in = siege.to_broker.lets_in, lambda _first: False
    async with siege.intruder(client_id=siege.client_id, clean=False) as thief:
        await thief.subscribe(siege.topic)
    await siege.publish(payload)
    siege.to_broker.lets_in = lets_in
    await siege.owner.wait(lambda heard: heard.topic == siege.topics.status and heard.payload == b"online", since)


@trick("publishes a fresh one for another car; then to the right one", "`other_car`, `replayed`")
async def to_another_car(siege: Siege) -> None:
    payload, since = await siege.signed(), len(siege.owner.heard)
    other = "car-00000000"
    await siege.publish(payload, siege.topics.command(other))
    await siege.refused("other_car", since, siege.topics.result(other))
    await siege.publish(payload)
    await siege.refused("replayed", since)


@trick("makes the owner's program date a command into the future, and keeps it until then", "`clock_ahead`, `replayed`")
async def dated_into_the_future(siege: Siege) -> None:
    _, now = await siege.owner.clock()
    due = now() + AHEAD_S + 2.0
    payload, since = await siege.signed(issued=due), len(siege.owner.heard)
    await siege.publish(payload)
    await siege.refused("clock_ahead", since)
    await asyncio.sleep(max(0.0, due - now()))
    await siege.publish(payload)
    await siege.refused("replayed", since)


@trick("makes the owner's program take the clock of a start that never was", "`other_boot`")
async def by_the_clock_of_no_bridge(siege: Siege) -> None:
    payload, since = await siege.signed(boot="f" * 16), len(siege.owner.heard)
    await siege.publish(payload)
    await siege.refused("other_boot", since)


@trick("has one live for an hour, as its sender was made to believe it may", "`malformed`")
async def that_lives_for_an_hour(siege: Siege) -> None:
    payload, since = await siege.signed(ttl=3600.0), len(siege.owner.heard)
    await siege.publish(payload)
    await siege.refused("malformed", since)


@trick("gives an old `status`, which opens nothing, the way to an `unlock`", "`bad_signature`")
async def harmless_made_harmful(siege: Siege) -> None:
    payload, since = await siege.signed("status"), len(siege.owner.heard)
    await siege.publish(payload.replace("status", "unlock"))
    await siege.refused("bad_signature", since)
