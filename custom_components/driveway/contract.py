"""The MQTT contract of Driveway, version 1: payloads and signatures.

Topics are in `contract_topics.py`, reason codes in `reasons.py`. These and `contract_json.py` use the standard library
only and stand twice, byte for byte: in the bridge and in the Home Assistant component. Payloads are JSON objects in
UTF-8. Readers ignore fields that they do not know.

Time on the wire is the bridge's own monotonic clock, in seconds since its start, together with the id of that start
(`boot`): no wall clock is needed, and none is believed. A sender that has heard `clock` adds the time that has passed
on its own monotonic clock.

A command is `{"document": TEXT, "signature": HEX}`: TEXT is itself JSON, and the signature is the HMAC-SHA-256 of the
very bytes of TEXT, so that nobody has to agree on how JSON is written.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import NoneType
from typing import Any, Final

from .contract_json import (
    FLAG_OR_NONE,
    NUMBER,
    NUMBER_OR_NONE,
    TEXT,
    TEXT_OR_NONE,
    ContractError,
    made,
    parse_object,
    typed,
)
from .contract_topics import valid_name

CONTRACT: Final = 1
DEFAULT_BASE: Final = "driveway"
MAX_PAYLOAD: Final = 8192
"""Bytes of a command; what is longer is not even read."""
LOCK_TTL_S: Final = 5.0
"""Seconds that a lock command lives: it is passed on within them or never."""
MAX_TTL_S: Final = 60.0
CLOCK_EVERY_S: Final = 3.0
ONLINE: Final = "online"
OFFLINE: Final = "offline"
EVENTS: Final = ("locked", "unlocked", "drove_off", "arrived", "pairing")


class Outcome(StrEnum):
    """Stations of a command; the last five are final, and each command reaches exactly one of them."""

    ACCEPTED = "accepted"
    SENT = "sent"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    """It was sent, and its fate is not known."""
    REFUSED = "refused"
    """The car or the bridge said no."""
    EXPIRED = "expired"
    FAILED = "failed"
    """It was not sent."""

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self not in (Outcome.ACCEPTED, Outcome.SENT)


_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH: Final = 20


def new_code() -> str:
    """Make a code of 100 random bits, in five groups of four that are easy to read out and to type."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, _CODE_LENGTH, 4))


def plain_code(text: str) -> str:
    """Give a typed code its plain form, 20 characters; look-alikes are put right. ValueError when it is no code."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(str.maketrans("OIL", "011"))
    if len(plain) != _CODE_LENGTH or any(letter not in _ALPHABET for letter in plain):
        raise ValueError(f"a code has {_CODE_LENGTH} letters and digits")
    return plain


@dataclass(frozen=True, slots=True)
class Signer:
    """Who may command a bridge: a client's public id and its key, both from the code."""

    client: str
    key: bytes = field(repr=False)

    @classmethod
    def from_code(cls, code: str) -> Signer:
        """Derive both; ValueError when it is no code."""
        secret = plain_code(code).encode()
        client = hmac.digest(secret, b"driveway client id", "sha256").hex()[:16]
        return cls(client, hmac.digest(secret, b"driveway command key", "sha256"))

    def signature(self, document: bytes) -> str:
        """HMAC-SHA-256 of the document's bytes, 64 hex digits."""
        return hmac.digest(self.key, document, "sha256").hex()

    def clock_signature(self, boot: str, now: float) -> str:
        """Of a clock, by which a client knows that nobody makes it date its commands into the future."""
        return self.signature(f"driveway clock {boot} {now:.3f}".encode())


@dataclass(frozen=True, slots=True)
class Clock:
    """What the bridge's clock shows, for each client with a signature under that client's key."""

    boot: str
    now: float
    signatures: Mapping[str, str] = field(default_factory=dict)

    def payload(self) -> str:
        """The payload to publish."""
        return json.dumps(asdict(self))

    @classmethod
    def signed(cls, boot: str, now: float, signers: Iterable[Signer]) -> Clock:
        """Sign it for all of them."""
        return cls(boot, now, {signer.client: signer.clock_signature(boot, now) for signer in signers})

    @classmethod
    def parse(cls, payload: bytes | str, signer: Signer) -> Clock:
        """Read a payload and believe it; ContractError `malformed`, `unknown_client` or `bad_signature`."""
        known = typed(parse_object(payload), boot=TEXT, now=NUMBER, signatures=(dict,))
        clock = made(cls, known)
        if signer.client not in clock.signatures:
            raise ContractError("unknown_client", "the clock is not signed for us")
        signature = str(clock.signatures[signer.client]).encode(errors="replace")
        if not hmac.compare_digest(signer.clock_signature(clock.boot, clock.now).encode(), signature):
            raise ContractError("bad_signature", "the clock is not the bridge's")
        return clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a client wants of one car; `issued` and `ttl` in seconds, on the clock of the bridge's `boot`."""

    id: str
    client: str
    car: str
    command: str
    boot: str
    issued: float
    ttl: float = LOCK_TTL_S
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def signed(self, signer: Signer) -> str:
        """The payload to publish."""
        document = json.dumps({"contract": CONTRACT, **asdict(self)}, separators=(",", ":"))
        return json.dumps({"document": document, "signature": signer.signature(document.encode())})


@dataclass(frozen=True, slots=True)
class SignedCommand:
    """A command as it arrived; nothing about it is proved before `genuine`."""

    command: Command
    document: bytes
    signature: str

    def genuine(self, signer: Signer) -> bool:
        """Whether the holder of the signer's key signed these very bytes."""
        return hmac.compare_digest(signer.signature(self.document), self.signature)

    @classmethod
    def parse(cls, payload: bytes) -> SignedCommand:
        """Read a payload; ContractError with `too_large`, `malformed` or `not_signed`."""
        if len(payload) > MAX_PAYLOAD:
            raise ContractError("too_large", f"more than {MAX_PAYLOAD} bytes")
        envelope = parse_object(payload)
        document, signature = envelope.get("document"), envelope.get("signature")
        if signature is None:
            raise ContractError("not_signed", "there is no signature")
        if not isinstance(signature, str) or not re.fullmatch("[0-9a-f]{64}", signature):
            raise ContractError("malformed", "the signature is not 64 hex digits")
        if not isinstance(document, str):
            raise ContractError("malformed", "the document is not a text")
        try:
            raw = document.encode()
        except UnicodeEncodeError as error:
            raise ContractError("malformed", "the document is not valid text") from error
        fields = parse_object(raw)
        _check_document(fields)
        known = {name: fields[name] for name in Command.__slots__ if name in fields}
        return cls(made(Command, known), raw, signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a command; `id` is None when the command could not be read."""

    id: str | None
    outcome: Outcome
    reason: str | None = None
    detail: str = ""
    stage: str | None = None
    """Of a station: what is being done, as `waking`, `booting`, `card`. Several stations may have the same outcome."""
    route: str | None = None
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    data: Mapping[str, Any] | None = None
    """Of a command that reads: what was read."""

    def payload(self) -> str:
        """The payload to publish."""
        # `asdict` copies everything, which is a tenth of what the bridge adds to a command.
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, default=dict)

    @classmethod
    def parse(cls, payload: bytes | str) -> Result:
        """Read a payload; ContractError when it is none."""
        fields = parse_object(payload)
        known = typed(
            fields,
            id=TEXT_OR_NONE,
            outcome=TEXT,
            reason=TEXT_OR_NONE,
            detail=TEXT,
            stage=TEXT_OR_NONE,
            route=TEXT_OR_NONE,
            phases_ms=(dict,),
            data=(dict, NoneType),
        )
        try:
            known["outcome"] = Outcome(fields["outcome"])
        except (KeyError, ValueError) as error:
            raise ContractError("malformed", "no such outcome") from error
        return made(cls, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarInfo:
    """One car of a bridge; `role` is the role of the bridge's key, None while it is not known.

    `commands` are those that this key may give, as far as is known; None where the sender does not tell.
    """

    id: str
    name: str
    model: str | None = None
    role: str | None = None
    commands: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """Who a bridge is; `clients` are the ids of those who may sign, so that a typed code can be checked at once."""

    bridge: str
    name: str
    version: str
    boot: str
    cars: tuple[CarInfo, ...] = ()
    clients: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    contract: int = CONTRACT

    def payload(self) -> str:
        """The payload to publish."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, payload: bytes | str) -> Info:
        """Read a payload; ContractError when it is none. Another `contract` is for the caller to judge."""
        fields = parse_object(payload)
        known = typed(
            fields,
            bridge=TEXT,
            name=TEXT,
            version=TEXT,
            boot=TEXT,
            contract=(int,),
            cars=(list,),
            clients=(list,),
            commands=(list,),
        )
        cars = []
        for car in known.get("cars", ()):
            if not isinstance(car, dict):
                raise ContractError("malformed", "a car is not an object")
            told = typed(car, id=TEXT, name=TEXT, model=TEXT_OR_NONE, role=TEXT_OR_NONE, commands=(list, NoneType))
            if told.get("commands") is not None:
                told["commands"] = tuple(told["commands"])
            cars.append(made(CarInfo, told))
        info = made(
            cls, known | {name: tuple(known.get(name, ())) for name in ("clients", "commands")} | {"cars": tuple(cars)}
        )
        offered = (command for car in cars for command in car.commands or ())
        if not all(
            valid_name(name)
            for name in (info.bridge, *info.clients, *info.commands, *(car.id for car in cars), *offered)
        ):
            raise ContractError("malformed", "a name has a wrong shape")
        return info


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """Whether the car is reached; None where it is not known. `at` fields are seconds on the clock of `boot`."""

    boot: str
    reachable: bool | None = None
    """Whether the last attempt to talk to the car went well."""
    linked: bool = False
    """Whether a connection is held right now."""
    in_range: bool | None = None
    """Whether the car is heard over the air, without a link."""
    heard_at: float | None = None
    signal_dbm: int | None = None
    places_free: bool | None = None
    """Whether the car has a Bluetooth place for one more, as it told the last time that it was heard."""
    asleep: bool | None = None
    contact_at: float | None = None
    """The last time that the car answered."""
    why_not: str | None = None
    """A code of `reasons.REASONS` while the car is not reachable."""

    def payload(self) -> str:
        """The payload to publish."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, payload: bytes | str) -> LinkState:
        """Read a payload; ContractError when it is none."""
        known = typed(
            parse_object(payload),
            boot=TEXT,
            reachable=FLAG_OR_NONE,
            linked=(bool,),
            in_range=FLAG_OR_NONE,
            places_free=FLAG_OR_NONE,
            asleep=FLAG_OR_NONE,
            heard_at=NUMBER_OR_NONE,
            signal_dbm=(int, NoneType),
            contact_at=NUMBER_OR_NONE,
            why_not=TEXT_OR_NONE,
        )
        return made(cls, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a car, told once; `at` in seconds on the clock of `boot`.

    `event` is one of EVENTS, or one of a newer bridge.
    """

    event: str
    boot: str
    at: float
    by: str | None = None
    """Of a lock: `client` (a signed command), `plain`, `page`, or `other` (a phone, a card, the car itself)."""
    client: str | None = None
    """The id of the client that gave the signed command."""
    stage: str | None = None
    """Of a pairing: the stage that it has reached, or the reason code with which it ended."""

    def payload(self) -> str:
        """The payload to publish."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, payload: bytes | str) -> Event:
        """Read a payload; ContractError when it is none."""
        return made(
            cls,
            typed(
                parse_object(payload),
                event=TEXT,
                boot=TEXT,
                at=NUMBER,
                by=TEXT_OR_NONE,
                client=TEXT_OR_NONE,
                stage=TEXT_OR_NONE,
            ),
        )


def _check_document(fields: Mapping[str, Any]) -> None:
    if type(fields.get("contract")) is not int or fields["contract"] != CONTRACT:
        raise ContractError("malformed", "another version of the contract")
    for name in ("id", "client", "car", "command", "boot"):
        if not valid_name(fields.get(name)):
            raise ContractError("malformed", f"{name} is missing or has a wrong shape")
    typed(fields, issued=NUMBER, ttl=NUMBER, arguments=(dict,))
