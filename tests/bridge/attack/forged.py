"""Tricks with commands that were made up or changed."""

from __future__ import annotations

import json

from driveway_bridge.contract import Signer
from tests.bridge.attack.siege import EVIL, Siege, envelope
from tests.bridge.attack.trick import trick


@trick("leaves the signature out", "`not_signed`")
async def unsigned(siege: Siege) -> None:
    since = len(siege.owner.heard)
    await siege.publish(json.dumps({"document": json.dumps(siege.document())}))
    await siege.refused("not_signed", since)


@trick("publishes the document alone", "`not_signed`")
async def bare(siege: Siege) -> None:
    since = len(siege.owner.heard)
    await siege.publish(json.dumps(siege.document()))
    await siege.refused("not_signed", since)


@trick("gives an empty signature", "`malformed`")
async def empty_signature(siege: Siege) -> None:
    since = len(siege.owner.heard)
    await siege.forge(siege.document(), "")
    await siege.refused("malformed", since)


@trick("gives zeros as the signature", "`bad_signature`")
async def zeros(siege: Siege) -> None:
    since = len(siege.owner.heard)
    await siege.forge(siege.document())
    await siege.refused("bad_signature", since)


@trick("gives the right signature in capitals, or shorter, or longer", "`malformed`")
async def signature_of_another_shape(siege: Siege) -> None:
    genuine = json.loads(await siege.signed())
    signature = genuine["signature"]
    for other in (signature.upper(), signature[:-1], signature + "0"):
        since = len(siege.owner.heard)
        # Letters there must be, or capitals are the same.
        await siege.forge(genuine["document"], other if other != signature else "A" * 64)
        await siege.refused("malformed", since)


@trick("gives the signature as a list, a number, or yes", "`malformed`")
async def signature_of_another_type(siege: Siege) -> None:
    for other in (["0" * 64], 0, True):
        since = len(siege.owner.heard)
        await siege.forge(siege.document(), other)
        await siege.refused("malformed", since)


@trick("takes the signature of another command", "`bad_signature`")
async def signature_of_another_command(siege: Siege) -> None:
    genuine, since = json.loads(await siege.signed("lock")), len(siege.owner.heard)
    await siege.forge(siege.document(), genuine["signature"])
    await siege.refused("bad_signature", since)


@trick("signs with a code of his own", "`unknown_client`")
async def stranger(siege: Siege) -> None:
    since = len(siege.owner.heard)
    document = siege.document(client=siege.stranger.client)
    await siege.publish(envelope(json.dumps(document), siege.stranger))
    await siege.refused("unknown_client", since)


@trick("signs with a code of his own, in the owner's name", "`bad_signature`")
async def in_the_owners_name(siege: Siege) -> None:
    since = len(siege.owner.heard)
    await siege.publish(envelope(json.dumps(siege.document()), siege.stranger))
    await siege.refused("bad_signature", since)


@trick("signs with what everybody knows: nothing, and the owner's public id", "`bad_signature`")
async def with_a_public_key(siege: Siege) -> None:
    for key in (b"", siege.signer.client.encode(), bytes.fromhex(siege.signer.client)):
        since = len(siege.owner.heard)
        await siege.publish(envelope(json.dumps(siege.document()), Signer(siege.signer.client, key)))
        await siege.refused("bad_signature", since)


@trick("turns the owner's `lock` into an `unlock`", "`bad_signature`")
async def lock_into_unlock(siege: Siege) -> None:
    payload, since = await siege.do("lock"), len(siege.owner.heard)
    await siege.publish(payload.replace('\\"lock\\"', '\\"unlock\\"'))
    await siege.refused("bad_signature", since)


@trick("gives a captured command a new id, time and life", "`bad_signature`")
async def made_young(siege: Siege) -> None:
    genuine = json.loads(await siege.captured())
    boot, now = await siege.owner.clock()
    for changes in ({"id": EVIL}, {"issued": now()}, {"ttl": 60.0}, {"boot": boot, "id": EVIL, "issued": now()}):
        since = len(siege.owner.heard)
        await siege.forge(json.loads(genuine["document"]) | changes, genuine["signature"])
        await siege.refused("bad_signature", since)


@trick("cuts the document off", "`malformed`")
async def cut_off(siege: Siege) -> None:
    genuine, since = json.loads(await siege.signed()), len(siege.owner.heard)
    await siege.forge(genuine["document"][:-1], genuine["signature"])
    await siege.refused("malformed", since)


@trick("adds a field to the document", "`bad_signature`")
async def extended(siege: Siege) -> None:
    genuine, since = json.loads(await siege.signed()), len(siege.owner.heard)
    await siege.forge(genuine["document"][:-1] + ',"more":1}', genuine["signature"])
    await siege.refused("bad_signature", since)


@trick("writes the same in other bytes: with blanks, in another order, with escapes", "`bad_signature`")
async def same_in_other_bytes(siege: Siege) -> None:
    genuine = json.loads(await siege.signed("lock"))
    fields = json.loads(genuine["document"])
    escaped = genuine["document"].replace("lock", "\\u006cock")
    assert json.loads(escaped) == fields
    for text in (json.dumps(fields, indent=1), json.dumps(dict(reversed(fields.items()))), escaped):
        since = len(siege.owner.heard)
        await siege.forge(text, genuine["signature"])
        await siege.refused("bad_signature", since)


@trick("writes a field twice, so that two readers read two commands", "`malformed`")
async def a_field_twice(siege: Siege) -> None:
    genuine = json.loads(await siege.signed("lock"))
    twice = genuine["document"].replace('"command":"lock"', '"command":"lock","command":"unlock"')
    assert twice != genuine["document"]
    since = len(siege.owner.heard)
    await siege.forge(twice, genuine["signature"])
    await siege.refused("malformed", since)


@trick("puts two documents into one envelope", "`malformed`")
async def two_documents(siege: Siege) -> None:
    payload, since = await siege.signed("lock"), len(siege.owner.heard)
    await siege.publish('{"document": ' + json.dumps(json.dumps(siege.document())) + ", " + payload[1:])
    await siege.refused("malformed", since)


@trick("puts an envelope into an envelope", "`malformed`")
async def envelope_in_an_envelope(siege: Siege) -> None:
    payload, since = await siege.signed(), len(siege.owner.heard)
    await siege.forge(payload)
    await siege.refused("malformed", since)


@trick("gives the document as an object instead of a text", "`malformed`")
async def document_as_an_object(siege: Siege) -> None:
    genuine, since = json.loads(await siege.signed()), len(siege.owner.heard)
    await siege.publish(json.dumps(genuine | {"document": json.loads(genuine["document"])}))
    await siege.refused("malformed", since)


@trick("claims another version of the contract", "`malformed`")
async def of_another_contract(siege: Siege) -> None:
    for version in (0, 2, "1", True, 1.0):
        since = len(siege.owner.heard)
        await siege.forge(siege.document(contract=version))
        await siege.refused("malformed", since)
