"""Tricks with messages of odd shapes, types, letters and sizes."""

from __future__ import annotations

import json

from driveway_bridge.contract import MAX_PAYLOAD
from tests.bridge.attack.siege import EVIL, Siege
from tests.bridge.attack.trick import trick


async def malformed(siege: Siege, *payloads: str | bytes) -> None:
    for payload in payloads:
        since = len(siege.owner.heard)
        await siege.publish(payload)
        await siege.refused("malformed", since)
        await siege.settle()


async def malformed_with(siege: Siege, **values: str) -> None:
    """With these pieces of JSON in the document."""
    fields = siege.document()
    document = json.dumps(fields)
    for name, value in values.items():
        changed = document.replace(f'"{name}": {json.dumps(fields[name])}', f'"{name}": {value}')
        assert changed != document
        await malformed(siege, json.dumps({"document": changed, "signature": "0" * 64}))


@trick("publishes what is no JSON", "`malformed`")
async def no_json(siege: Siege) -> None:
    await malformed(siege, f"{EVIL} OPEN SESAME", b"\x00\xff\xfe", b"\x80" * 100)


@trick("publishes JSON that is no object", "`malformed`")
async def no_object(siege: Siege) -> None:
    await malformed(siege, "[]", "true", '"unlock"')


@trick("gives the time to live as a text, as yes, as no number, as more than all time", "`malformed`")
async def odd_times_to_live(siege: Siege) -> None:
    for value in ('"5"', "true", "NaN", "1e308", "-Infinity"):
        await malformed_with(siege, ttl=value)


@trick("gives a negative time to live, which would end before it began", "`bad_signature`")
async def negative_time_to_live(siege: Siege) -> None:
    since = len(siege.owner.heard)
    await siege.forge(siege.document(ttl=-1))
    await siege.refused("bad_signature", since)


@trick("gives endless and enormous times of issue", "`malformed`")
async def odd_times_of_issue(siege: Siege) -> None:
    for value in ("Infinity", "1" + "0" * 5000, "1e400"):
        await malformed_with(siege, issued=value)


@trick("gives arguments as a list, a text, or nothing", "`malformed`")
async def odd_arguments(siege: Siege) -> None:
    for value in ("[]", '"{}"', "null"):
        await malformed_with(siege, arguments=value)


@trick("gives ids that are objects, empty, too long, or have a line break", "`malformed`")
async def odd_ids(siege: Siege) -> None:
    for value in ("{}", '""', json.dumps("x" * 65), '"a\\nb"'):
        await malformed_with(siege, id=value)


@trick("writes `unlock` with letters that only look like it", "`malformed`")
async def look_alikes(siege: Siege) -> None:
    for word in ("unl\N{CYRILLIC SMALL LETTER O}ck", "\N{FULLWIDTH LATIN SMALL LETTER U}nlock"):
        await malformed_with(siege, command=json.dumps(word))


@trick("adds marks that nobody sees: NUL, byte order, right to left, half a letter", "`malformed`")
async def invisible_marks(siege: Siege) -> None:
    for word in ("unlock\0", "\ufeffunlock", "\u202eunlock", "unlock\ud800"):
        await malformed_with(siege, command=json.dumps(word))


@trick("puts half a letter into the envelope, which has no bytes", "`malformed`")
async def half_a_letter(siege: Siege) -> None:
    await malformed(siege, '{"document": "\\ud800", "signature": "' + "0" * 64 + '"}')


@trick("publishes more than a command can have", "`too_large`")
async def too_long(siege: Siege) -> None:
    since = len(siege.owner.heard)
    await siege.publish(EVIL * MAX_PAYLOAD)
    await siege.refused("too_large", since)


@trick(
    "publishes 10 MB",
    "Nothing: the bridge has told the broker to keep messages of more than 64 KB; with MQTT 3.1.1 `too_large`",
)
async def ten_megabytes(siege: Siege) -> None:
    await siege.publish(b"x" * 10_000_000)


@trick("nests thousands of lists, to make a reader fall over", "`malformed`")
async def deep_nests(siege: Siege) -> None:
    deep = "[" * 8000
    await malformed(siege, deep, json.dumps({"document": deep, "signature": "0" * 64}))


@trick(
    "publishes a thousand messages at once that nobody can read",
    "`malformed`; five a second are answered, the rest is counted; the owner's commands are done all the same",
)
async def flood(siege: Siege) -> None:
    since = len(siege.owner.heard)
    async with siege.intruder() as intruder:
        for _ in range(1000):
            await intruder.publish(siege.topic, EVIL, qos=0)
        await intruder.publish(siege.topic, EVIL)
    siege.tries["malformed"] += 1000
    await siege.refused("malformed", since)
