"""The contract: both copies are equal, payloads survive the wire, and nothing odd gets through."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.commands.table import SPECIFICATIONS
from driveway_bridge.contract import (
    MAX_PAYLOAD,
    CarInfo,
    Clock,
    Command,
    Info,
    LinkState,
    Outcome,
    Result,
    SignedCommand,
    Signer,
    new_code,
    plain_code,
)
from driveway_bridge.contract_json import ContractError
from driveway_bridge.contract_topics import Topics, valid_base, valid_name
from driveway_bridge.reasons import REASONS

ROOT = Path(__file__).parents[2]
HALVES = (ROOT / "bridge/driveway_bridge", ROOT / "custom_components/driveway")
TWICE = ("contract.py", "contract_json.py", "contract_topics.py", "reasons.py")
CODE = "0123-4567-89AB-CDEF-GHJK"
UNLOCK = Command(id="u1", client="c", car="car-ade9a822", command="unlock", boot="b1", issued=12.5)


def altered(**changes: object) -> bytes:
    """A signed command whose document was rewritten: with other or without (Ellipsis) fields."""
    fields = json.loads(json.loads(UNLOCK.signed(Signer.from_code(CODE)))["document"]) | changes
    document = json.dumps({name: value for name, value in fields.items() if value is not ...})
    return json.dumps({"document": document, "signature": "0" * 64}).encode()


@pytest.mark.parametrize("name", TWICE)
def test_both_halves_hold_the_same_bytes(name: str) -> None:
    bridge, component = (half / name for half in HALVES)
    assert bridge.read_bytes() == component.read_bytes()


@pytest.mark.parametrize("name", TWICE)
def test_the_contract_needs_the_standard_library_only(name: str) -> None:
    for node in ast.walk(ast.parse((HALVES[0] / name).read_text())):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level:
            assert f"{node.module}.py" in TWICE, f"{name} imports a neighbour that stands once"
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        assert all(module.split(".")[0] in sys.stdlib_module_names for module in modules)


def test_a_signed_command_arrives_as_it_was_sent() -> None:
    signer = Signer.from_code(CODE)
    received = SignedCommand.parse(UNLOCK.signed(signer).encode())
    assert received.command == UNLOCK
    assert received.genuine(signer)


def test_anybody_can_sign_with_standard_tools() -> None:
    """The derivations, spelled out: what docs and other clients rely on."""
    secret = b"0123456789ABCDEFGHJK"
    key = hmac.new(secret, b"driveway command key", hashlib.sha256).digest()
    signer = Signer.from_code(CODE)
    assert signer.client == hmac.new(secret, b"driveway client id", hashlib.sha256).hexdigest()[:16]
    envelope = json.loads(UNLOCK.signed(signer))
    expected = hmac.new(key, envelope["document"].encode(), hashlib.sha256).hexdigest()
    assert envelope["signature"] == expected


def test_another_code_does_not_sign_for_this_bridge() -> None:
    received = SignedCommand.parse(UNLOCK.signed(Signer.from_code(new_code())).encode())
    assert not received.genuine(Signer.from_code(CODE))


def test_one_altered_letter_breaks_the_signature() -> None:
    signer = Signer.from_code(CODE)
    forged = UNLOCK.signed(signer).replace("unlock", "unlocc")
    assert not SignedCommand.parse(forged.encode()).genuine(signer)


def test_a_code_is_read_as_people_type_it() -> None:
    assert plain_code(" o123 4567 89ab-cdef-ghjk") == plain_code(CODE)
    assert plain_code(CODE.replace("1", "l")) == plain_code(CODE)
    with pytest.raises(ValueError, match="20 letters"):
        plain_code(CODE[:-1])


def test_codes_differ() -> None:
    assert len({new_code() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"LOCK", "malformed"),
        (b"[]", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"document": "{}"}', "not_signed"),
        (b'{"document": "{}", "signature": 5}', "malformed"),
        (b'{"document": {}, "signature": "' + b"0" * 64 + b'"}', "malformed"),
        (b'{"document": "\\ud800", "signature": "' + b"0" * 64 + b'"}', "malformed"),
        (b'{"document": "{}", "document": "{}", "signature": "' + b"0" * 64 + b'"}', "malformed"),
        (b"[" * 5000, "malformed"),
        (b" " * (MAX_PAYLOAD + 1), "too_large"),
        (altered(contract=2), "malformed"),
        (altered(contract=True), "malformed"),
        (altered(id=...), "malformed"),
        (altered(id="x" * 65), "malformed"),
        (altered(id="a\n"), "malformed"),
        (altered(car="car/../other"), "malformed"),
        (altered(command=["unlock"]), "malformed"),
        (altered(issued="12.5"), "malformed"),
        (altered(issued=True), "malformed"),
        (altered(ttl=float("inf")), "malformed"),
        (altered(ttl=float("nan")), "malformed"),
        (altered(ttl=10**400), "malformed"),
        (altered(arguments=[]), "malformed"),
    ],
)
def test_what_is_no_command_is_told_apart(payload: bytes, reason: str) -> None:
    with pytest.raises(ContractError) as caught:
        SignedCommand.parse(payload)
    assert caught.value.reason == reason


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
def test_garbage_never_does_more_than_be_refused(payload: bytes) -> None:
    for parse in (SignedCommand.parse, Result.parse, Info.parse, LinkState.parse):
        with pytest.raises(ContractError):
            parse(payload)


def test_payloads_survive_the_wire() -> None:
    result = Result(id="u1", outcome=Outcome.REFUSED, reason="closures_open", route="bluetooth", phases_ms={"car": 3.5})
    info = Info(
        bridge="bridge-1",
        name="Garage",
        version="0.1.0",
        boot="b1",
        cars=(CarInfo(id="car-1", name="Anna", role="driver"),),
        clients=("c",),
        commands=("lock",),
    )
    link = LinkState(boot="b1", reachable=False, why_not="not_in_range")
    assert Result.parse(result.payload()) == result
    assert Info.parse(info.payload()) == info
    assert LinkState.parse(link.payload()) == link


def test_readers_ignore_what_they_do_not_know() -> None:
    payload = json.loads(Result(id="u1", outcome=Outcome.CONFIRMED).payload()) | {"colour": "red"}
    assert Result.parse(json.dumps(payload)).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(
    "payload",
    [
        {"outcome": "perhaps"},
        {"id": 5, "outcome": "confirmed"},
        {"id": "u1", "outcome": "confirmed", "reason": ["done"]},
        {"id": "u1", "outcome": "confirmed", "phases_ms": 3},
    ],
)
def test_a_result_with_wrong_types_is_no_result(payload: dict[str, object]) -> None:
    with pytest.raises(ContractError):
        Result.parse(json.dumps(payload))


@pytest.mark.parametrize(
    "change",
    [
        {"cars": 5},
        {"cars": [5]},
        {"cars": [{"id": "a/b", "name": "x"}]},
        {"cars": [{"id": "a", "name": None}]},
        {"clients": [1]},
        {"bridge": "#"},
        {"name": {}},
        {"contract": "1"},
    ],
)
def test_information_with_wrong_types_is_none(change: dict[str, object]) -> None:
    good = json.loads(Info(bridge="b", name="n", version="1", boot="x").payload())
    with pytest.raises(ContractError):
        Info.parse(json.dumps(good | change))


@pytest.mark.parametrize(
    "change",
    [{"reachable": "yes"}, {"linked": 1}, {"heard_at": "now"}, {"signal_dbm": True}, {"why_not": 4}, {"boot": 1}],
)
def test_a_link_state_with_wrong_types_is_none(change: dict[str, object]) -> None:
    good = json.loads(LinkState(boot="x").payload())
    with pytest.raises(ContractError):
        LinkState.parse(json.dumps(good | change))


def test_exactly_the_last_five_outcomes_are_final() -> None:
    assert [outcome for outcome in Outcome if not outcome.final] == [Outcome.ACCEPTED, Outcome.SENT]


def test_topics_never_hold_a_wildcard_by_accident() -> None:
    assert Topics("driveway").info == "driveway/+/info"
    assert Topics("home/driveway", "b").state("car-1", "body") == "home/driveway/b/car-1/state/body"
    for bad in ("", "a/b", "a+b", "#", "a b", "ä", "x" * 65):
        assert not valid_name(bad)
    assert valid_base("home/driveway")
    for bad in ("", "/", "a//b", "a/#", "+"):
        assert not valid_base(bad)


def test_each_reason_is_a_sentence_with_a_remedy() -> None:
    for code, reason in REASONS.items():
        assert code == code.lower()
        assert reason.meaning.endswith(".")
        assert "{" not in reason.remedy
        if code not in ("done", "already_so", "superseded", "configuration_wrong"):
            assert reason.remedy.endswith("."), f"{code} does not tell the owner what to do"


def test_the_page_of_reasons_is_up_to_date() -> None:
    subprocess.run([sys.executable, ROOT / "scripts/reasons_table", "--check"], check=True, timeout=50)


def test_the_component_knows_what_must_not_be_given_twice() -> None:
    """It stands there too, because a command moves on from one bridge to the next without asking either."""
    tree = ast.parse((HALVES[1] / "handover.py").read_text())
    [once] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "ONCE"
    ]
    assert isinstance(once, ast.Call)
    not_idempotent = {name for name, specification in SPECIFICATIONS.items() if not specification.idempotent}
    assert ast.literal_eval(once.args[0]) == not_idempotent | {"pair"}


# The clock


def test_a_clock_is_believed_by_those_that_it_is_signed_for() -> None:
    home, nanny = (Signer.from_code(new_code()) for _ in range(2))
    told = Clock.signed("boot1", 12.5, [home, nanny]).payload()
    for signer in (home, nanny):
        assert Clock.parse(told, signer).now == 12.5
    with pytest.raises(ContractError) as raised:
        Clock.parse(told, Signer.from_code(new_code()))
    assert raised.value.reason == "unknown_client"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"now": 3612.5}, "bad_signature"),
        ({"boot": "boot2"}, "bad_signature"),
        ({"now": "12.5"}, "malformed"),
        ({"now": True}, "malformed"),
        ({"signatures": []}, "malformed"),
        ({"signatures": {}}, "unknown_client"),
    ],
)
def test_a_clock_that_somebody_changed_is_not_believed(change: dict[str, object], reason: str) -> None:
    home = Signer.from_code(new_code())
    told = json.loads(Clock.signed("boot1", 12.5, [home]).payload())
    with pytest.raises(ContractError) as raised:
        Clock.parse(json.dumps(told | change), home)
    assert raised.value.reason == reason


@pytest.mark.parametrize("signature", [None, 1, "", "\ud800", ["0" * 64], "0" * 64])
def test_a_clock_with_any_other_signature_is_not_believed(signature: object) -> None:
    home = Signer.from_code(new_code())
    told = {"boot": "boot1", "now": 12.5, "signatures": {home.client: signature}}
    with pytest.raises(ContractError, match="bad_signature"):
        Clock.parse(json.dumps(told), home)


def test_the_bytes_of_a_clocks_signature() -> None:
    """As docs/mqtt.md has them: anybody can make them, in any language."""
    signer = Signer("id", b"key")
    expected = hmac.digest(b"key", b"driveway clock cf6c68bcb311d944 3.000", "sha256").hex()
    assert Clock.signed("cf6c68bcb311d944", 3, [signer]).signatures == {"id": expected}
