"""Which commands are passed on: stories of thieves, slow networks and honest senders, on a clock that is a number."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.clients import Client
from driveway_bridge.commands import table
from driveway_bridge.contract import MAX_PAYLOAD, Command, Outcome, Signer, new_code
from driveway_bridge.mqtt import admission
from driveway_bridge.mqtt.admission import Admission, Admitted, Refusal
from driveway_bridge.mqtt.catalogue import CATALOGUE
from driveway_bridge.permissions import Hours

OWNER = Signer.from_code(new_code())
THIEF = Signer.from_code(new_code())
NOW = 1000.0
COMMAND = Command(id="one", client=OWNER.client, car="car-a", command="unlock", boot="boot-a", issued=NOW)


@pytest.fixture
def gate() -> Admission:
    made = Admission("boot-a", ["car-a", "car-b"], [OWNER], CATALOGUE)
    made.make = table.build
    return made


def judged(
    gate: Admission, command: Command | str | bytes, *, car: str = "car-a", retained: bool = False, now: float = NOW
) -> str:
    """The reason of the refusal, or `admitted`."""
    payload = command.signed(OWNER) if isinstance(command, Command) else command
    raw = payload.encode() if isinstance(payload, str) else payload
    verdict = gate.judge(car=car, payload=raw, retained=retained, now=now)
    if isinstance(verdict, Admitted):
        return "admitted"
    assert verdict.result.outcome is (Outcome.EXPIRED if verdict.result.reason == "expired" else Outcome.REFUSED)
    return str(verdict.result.reason)


def changed(document: dict[str, Any], signer: Signer = OWNER) -> str:
    """A signed envelope around any document."""
    text = json.dumps(document)
    return json.dumps({"document": text, "signature": signer.signature(text.encode())})


def test_an_honest_command_passes_with_its_deadline(gate: Admission) -> None:
    verdict = gate.judge(car="car-a", payload=COMMAND.signed(OWNER).encode(), retained=False, now=NOW + 2)
    assert isinstance(verdict, Admitted)
    assert verdict.command == COMMAND
    assert verdict.deadline == NOW + 5


def test_a_command_passes_once(gate: Admission) -> None:
    assert judged(gate, COMMAND) == "admitted"
    assert judged(gate, COMMAND, now=NOW + 0.001) == "replayed"
    assert judged(gate, COMMAND, now=NOW + 5) == "replayed"
    assert judged(gate, COMMAND, now=NOW + 5.001) == "expired"
    assert judged(gate, COMMAND, now=NOW + 1e6) == "expired"


def test_a_lock_command_lives_five_seconds_whatever_it_says(gate: Admission) -> None:
    assert judged(gate, replace(COMMAND, ttl=60.0), now=NOW + 5.001) == "expired"
    assert judged(gate, replace(COMMAND, id="two", command="wake", ttl=60.0), now=NOW + 59) == "admitted"


@pytest.mark.parametrize("ttl", [0, -1, 60.001, 1e9])
def test_a_time_to_live_has_its_range(gate: Admission, ttl: float) -> None:
    assert judged(gate, replace(COMMAND, ttl=ttl)) == "malformed"


def test_another_boot(gate: Admission) -> None:
    assert judged(gate, replace(COMMAND, boot="boot-b")) == "other_boot"


def test_a_command_from_the_future_is_of_no_use_later(gate: Admission) -> None:
    early = replace(COMMAND, issued=NOW + 30)
    assert judged(gate, early) == "clock_ahead"
    assert judged(gate, early, now=NOW + 30) == "replayed"
    assert judged(gate, early, now=NOW + 35) == "replayed"
    assert judged(gate, early, now=NOW + 35.1) == "expired"
    assert judged(gate, replace(COMMAND, id="two", issued=NOW + 0.9)) == "admitted"


def test_a_retained_command_is_of_no_use_as_a_live_one(gate: Admission) -> None:
    assert judged(gate, COMMAND, retained=True) == "retained"
    assert judged(gate, COMMAND) == "replayed"


def test_a_command_for_one_car_on_the_topic_of_another(gate: Admission) -> None:
    assert judged(gate, COMMAND, car="car-b") == "other_car"
    assert judged(gate, COMMAND) == "replayed"
    assert judged(gate, replace(COMMAND, id="two", car="car-c"), car="car-c") == "other_car"


def test_who_may_command(gate: Admission) -> None:
    stranger = replace(COMMAND, client=THIEF.client)
    assert judged(gate, stranger.signed(THIEF)) == "unknown_client"
    assert judged(gate, COMMAND.signed(THIEF)) == "bad_signature"
    assert judged(gate, stranger.signed(OWNER)) == "unknown_client"
    assert judged(gate, COMMAND) == "admitted", "forgeries use up no id"


def test_a_changed_document_is_no_longer_signed(gate: Admission) -> None:
    envelope = json.loads(COMMAND.signed(OWNER))
    for changed_text in (
        envelope["document"].replace('"unlock"', '"lock"'),
        envelope["document"].replace('"ttl":5.0', '"ttl":59.0'),
        envelope["document"] + " ",
        envelope["document"].replace(",", ", "),
    ):
        assert changed_text != envelope["document"]
        assert judged(gate, json.dumps(envelope | {"document": changed_text})) == "bad_signature"


def test_unknown_commands_and_arguments(gate: Admission) -> None:
    assert judged(gate, replace(COMMAND, command="open_frunk")) == "unknown_command"
    assert judged(gate, replace(COMMAND, id="two", arguments={"doors": "all"})) == "bad_arguments"
    assert judged(gate, replace(COMMAND, command="open_frunk")) == "replayed"


def test_what_opens_lives_five_seconds_and_comfort_a_minute(gate: Admission) -> None:
    for number, (name, lives_s) in enumerate({"trunk_open": 5, "windows_vent": 5, "lock": 5, "climate_on": 60}.items()):
        command = replace(COMMAND, id=f"id-{number}", command=name, ttl=60.0)
        verdict = gate.judge(car="car-a", payload=command.signed(OWNER).encode(), retained=False, now=NOW)
        assert isinstance(verdict, Admitted)
        assert verdict.deadline == NOW + lives_s


def test_arguments_are_judged_before_anything_is_done_and_not_repeated(gate: Admission) -> None:
    """Pains 83."""
    limit = replace(COMMAND, command="charge_limit", arguments={"percent": 80})
    verdict = gate.judge(car="car-a", payload=limit.signed(OWNER).encode(), retained=False, now=NOW)
    assert isinstance(verdict, Admitted)
    assert verdict.request is not None
    assert verdict.request.name == "charge_limit"
    for number, percent in enumerate([101, -1, "80", 80.5, True, None, [80], {"percent": 80}, "<script>"]):
        wrong = replace(limit, id=f"wrong-{number}", arguments={"percent": percent})
        verdict = gate.judge(car="car-a", payload=wrong.signed(OWNER).encode(), retained=False, now=NOW)
        assert isinstance(verdict, Refusal)
        assert verdict.result.reason == "bad_arguments"
        assert verdict.result.detail.startswith("percent ")
        assert "script" not in verdict.result.payload()


def test_whoever_is_not_genuine_does_not_learn_what_arguments_are_right(gate: Admission) -> None:
    wrong = replace(COMMAND, command="charge_limit", arguments={"percent": 500})
    assert judged(gate, wrong.signed(THIEF)) == "bad_signature"


def test_a_role_that_may_not(gate: Admission) -> None:
    """Pains 50."""
    gate.role = {"car-a": "charging_manager"}.get
    assert judged(gate, COMMAND) == "role_forbids"
    assert judged(gate, replace(COMMAND, id="two", command="charge_start")) == "admitted"
    assert judged(gate, replace(COMMAND, id="three", car="car-b"), car="car-b") == "admitted"


def test_cars_can_change_and_used_commands_stay_used(gate: Admission) -> None:
    gate.set_cars(["car-b"])
    assert judged(gate, COMMAND) == "other_car"
    gate.set_cars(["car-a"])
    assert judged(gate, COMMAND) == "replayed"
    assert judged(gate, replace(COMMAND, id="two")) == "admitted"


@given(
    name=st.sampled_from(sorted(CATALOGUE)),
    arguments=st.dictionaries(
        st.sampled_from(["percent", "on", "pin", "slot", "days", "name", "latitude", "<b>"]) | st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=4,
        ),
        max_size=4,
    ),
)
def test_no_arguments_of_an_owner_make_the_bridge_stumble(name: str, arguments: dict[str, Any]) -> None:
    gate = Admission("boot-a", ["car-a"], [OWNER], CATALOGUE)
    gate.make = table.build
    command = replace(COMMAND, command=name, arguments=arguments)
    assert judged(gate, command) in ("admitted", "bad_arguments")


GOOD = {
    "contract": 1,
    "id": "x",
    "client": OWNER.client,
    "car": "car-a",
    "command": "lock",
    "boot": "boot-a",
    "issued": NOW,
    "ttl": 5,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 1},
        {"id": ["x"]},
        {"id": "x" * 65},
        {"id": ""},
        {"id": "../../status"},
        {"id": "x\n"},
        {"id": "\u0445"},
        {"client": None},
        {"car": {"id": "car-a"}},
        {"command": True},
        {"boot": 0},
        {"issued": "1000"},
        {"issued": True},
        {"issued": None},
        {"issued": 10**400},
        {"issued": float("inf")},
        {"issued": float("nan")},
        {"ttl": "5"},
        {"ttl": [5]},
        {"arguments": []},
        {"arguments": "all"},
        {"contract": 2},
        {"contract": True},
        {"contract": "1"},
    ],
)
def test_type_confusion_is_malformed_even_when_signed(gate: Admission, wrong: dict[str, Any]) -> None:
    assert judged(gate, changed(GOOD | wrong)) == "malformed"
    assert judged(gate, changed(GOOD)) == "admitted", "the good one beside it passes"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"LOCK", "malformed"),
        (b"null", "malformed"),
        (b"[]", "malformed"),
        (b"\xff\xfe\x00", "malformed"),
        (b"{" * 4000, "malformed"),
        (b"[" * 8000, "malformed"),
        (b'{"document": "{}"}', "not_signed"),
        (b'{"document": "{}", "signature": 1}', "malformed"),
        (b'{"document": "{}", "signature": "AB"}', "malformed"),
        (b'{"document": {}, "signature": "%s"}' % (b"0" * 64), "malformed"),
        (b'{"document": "\\ud800", "signature": "%s"}' % (b"0" * 64), "malformed"),
        (b'{"document": "{}", "document": "{}", "signature": "%s"}' % (b"0" * 64), "malformed"),
        (b" " * (MAX_PAYLOAD + 1), "too_large"),
    ],
)
def test_what_cannot_be_read(gate: Admission, payload: bytes, reason: str) -> None:
    verdict = gate.judge(car="car-a", payload=payload, retained=False, now=NOW)
    assert isinstance(verdict, Refusal)
    assert verdict.result.reason == reason
    assert verdict.result.id is None


def test_a_key_that_stands_twice_even_when_signed(gate: Admission) -> None:
    text = json.dumps(GOOD)[:-1] + ', "command": "unlock"}'
    envelope = json.dumps({"document": text, "signature": OWNER.signature(text.encode())})
    assert judged(gate, envelope) == "malformed"


def test_an_oversized_command_is_not_even_read(gate: Admission) -> None:
    long = replace(COMMAND, arguments={"x": "y" * MAX_PAYLOAD})
    assert judged(gate, long) == "too_large"


def test_the_same_id_in_a_longer_lived_document_is_of_no_use_later(gate: Admission) -> None:
    assert judged(gate, COMMAND) == "admitted"
    longer = replace(COMMAND, command="wake", ttl=60.0)
    assert judged(gate, longer, now=NOW + 1) == "replayed"
    assert judged(gate, longer, now=NOW + 20) == "replayed"


def test_answers_to_strangers_are_rationed_and_an_owner_is_still_answered(gate: Admission) -> None:
    def answers(payload: bytes, count: int, now: float) -> int:
        verdicts = [gate.judge(car="car-a", payload=payload, retained=False, now=now) for _ in range(count)]
        return sum(isinstance(verdict, Refusal) and verdict.answer for verdict in verdicts)

    assert answers(b"rubbish", 1000, NOW) == admission.UNREADABLE_PER_S
    assert answers(b"rubbish", 1000, NOW + 1) == admission.UNREADABLE_PER_S
    assert answers(COMMAND.signed(THIEF).encode(), 1000, NOW) == admission.UNWANTED_PER_S
    wrong = replace(COMMAND, id="mine", command="open_frunk").signed(OWNER).encode()
    assert answers(wrong, 1, NOW) == 1
    assert judged(gate, COMMAND) == "admitted"


def test_a_flood_of_forged_commands_does_not_silence_what_an_owner_is_told(gate: Admission) -> None:
    """In a flood a genuine command may come too late, and then that has to be said."""
    for _ in range(1000):
        gate.judge(car="car-a", payload=COMMAND.signed(THIEF).encode(), retained=False, now=NOW + 10)
    verdict = gate.judge(car="car-a", payload=COMMAND.signed(OWNER).encode(), retained=False, now=NOW + 10)
    assert isinstance(verdict, Refusal)
    assert (verdict.result.reason, verdict.answer) == ("expired", True)


def test_a_full_memory_refuses_and_never_forgets(gate: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "REMEMBERED", 10)
    flood = [replace(COMMAND, id=f"id-{number}") for number in range(10)]
    assert [judged(gate, command) for command in flood] == ["admitted"] * 10
    late = replace(COMMAND, id="late", issued=NOW + 0.5)
    assert judged(gate, late, now=NOW + 0.5) == "too_many"
    # Room again, since the first ten have expired; the one that was turned away must stay turned away.
    assert judged(gate, late, now=NOW + 5.2) == "too_many"
    assert judged(gate, replace(COMMAND, id="new", issued=NOW + 5.2), now=NOW + 5.2) == "admitted"
    assert judged(gate, flood[0], now=NOW + 5.2) == "expired"


def test_memory_does_not_grow_with_time(gate: Admission) -> None:
    for number in range(3 * admission.REMEMBERED):
        moment = NOW + number * 0.01
        assert judged(gate, replace(COMMAND, id=f"id-{number}", issued=moment), now=moment) == "admitted"


@given(payload=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_comes_is_refused_in_order(payload: bytes) -> None:
    gate = Admission("boot-a", ["car-a"], [OWNER], CATALOGUE)
    verdict = gate.judge(car="car-a", payload=payload, retained=False, now=NOW)
    assert isinstance(verdict, Refusal)
    assert verdict.result.id is None
    assert payload.decode(errors="replace") not in verdict.result.payload() or len(payload) < 12


@given(moves=st.lists(st.tuples(st.floats(0, 20), st.integers(0, 5)), max_size=60))
def test_no_document_ever_passes_twice(moves: list[tuple[float, int]]) -> None:
    gate = Admission("boot-a", ["car-a", "car-b"], [OWNER], CATALOGUE)
    documents = [
        replace(COMMAND, id=f"id-{number % 3}", issued=NOW + 3 * number, ttl=5.0 + number, command=name)
        for number, name in enumerate(("lock", "unlock", "wake", "status", "nonsense", "lock"))
    ]
    passed: list[int] = []
    now = NOW
    for step, number in moves:
        now += step
        if judged(gate, documents[number], now=now, car="car-a" if step < 15 else "car-b") == "admitted":
            passed.append(number)
    assert len(passed) == len(set(passed))


# Clients with limits --------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(gate: Admission) -> Callable[..., Callable[..., str]]:
    """A client with these limits; what it gives is judged."""
    numbers = itertools.count()

    def make(*words: str, **limits: Any) -> Callable[..., str]:
        signer = Signer.from_code(new_code())
        client = Client(name="nanny", signer=signer, words=words, **limits)
        gate.further = lambda: {client.id: client}

        def give(name: str, now: float = NOW, **changes: Any) -> str:
            fields = {"id": f"nanny-{next(numbers)}", "client": signer.client, "command": name, "issued": now}
            command = replace(COMMAND, **{**fields, **changes})
            return judged(gate, command.signed(signer), now=now)

        return give

    return make


def test_a_client_may_what_it_may(limited: Callable[..., Callable[..., str]]) -> None:
    give = limited("locking", "flash_lights")
    assert [give(name) for name in ("lock", "flash_lights", "unlock", "climate_on", "pair", "status")] == [
        "admitted",
        "admitted",
        "client_may_not",
        "client_may_not",
        "client_may_not",
        "client_may_not",
    ]


def test_reading_and_operations_are_commands_too(limited: Callable[..., Callable[..., str]]) -> None:
    give = limited("reading", "pair")
    assert [give(name) for name in ("status", "keys", "read_charge", "pair", "lock")] == [
        "admitted",
        "admitted",
        "admitted",
        "admitted",
        "client_may_not",
    ]


def test_a_forbidden_command_is_used_up(limited: Callable[..., Callable[..., str]]) -> None:
    give = limited("locking")
    assert give("unlock", id="same") == "client_may_not"
    assert give("unlock", id="same") == "replayed"
    assert give("lock", id="same") == "replayed"


def test_whoever_is_not_genuine_does_not_learn_what_a_client_may(
    gate: Admission, limited: Callable[..., Callable[..., str]]
) -> None:
    give = limited("locking")
    client = next(iter(gate.further()))
    assert judged(gate, replace(COMMAND, client=client, command="unlock").signed(THIEF)) == "bad_signature"
    assert give("lock") == "admitted"


def test_the_clients_limits_are_judged_before_arguments_and_the_keys_role(
    gate: Admission, limited: Callable[..., Callable[..., str]]
) -> None:
    give = limited("locking", "charging")
    gate.role = {"car-a": "vehicle_monitor"}.get
    assert give("valet_mode", arguments={"pin": "1"}) == "client_may_not"
    assert give("lock") == "role_forbids"
    gate.role = lambda _car: None
    assert give("charge_limit", arguments={"percent": 1}) == "bad_arguments"
    assert give("beam_up") == "unknown_command"


def test_so_many_in_a_minute(gate: Admission, limited: Callable[..., Callable[..., str]]) -> None:
    give = limited("everything", per_minute=3)
    assert [give("lock", NOW + second) for second in (0, 10, 20, 30, 59.9)] == ["admitted"] * 3 + ["too_often"] * 2
    assert [give("lock", NOW + second) for second in (60, 61, 70, 75)] == [
        "admitted",
        "too_often",
        "admitted",
        "too_often",
    ]
    assert judged(gate, replace(COMMAND, issued=NOW + 75), now=NOW + 75) == "admitted", "home is not counted"


def test_what_is_forbidden_does_not_count_as_given(limited: Callable[..., Callable[..., str]]) -> None:
    give = limited("locking", per_minute=1)
    assert [give("unlock"), give("beam_up"), give("lock", car="car-b"), give("lock")] == [
        "client_may_not",
        "unknown_command",
        "other_car",
        "admitted",
    ]


def test_hours_need_a_clock_that_is_right(gate: Admission, limited: Callable[..., Callable[..., str]]) -> None:
    noon = time.mktime((2026, 11, 22, 12, 0, 0, 0, 0, -1))
    give = limited("everything", hours=Hours.parse("06:00-22:00"))
    assert give("lock") == "time_unknown", "nobody knows what time it is"
    gate.unix_s = lambda: noon
    assert give("lock") == "admitted"
    gate.unix_s = lambda: noon + 11 * 3600
    assert give("lock") == "outside_hours"
    gate.unix_s = lambda: None
    assert give("lock") == "time_unknown"
    assert judged(gate, COMMAND) == "admitted", "who has no hours needs no clock"


def test_who_is_revoked_is_unknown_from_the_next_command_on(
    gate: Admission, limited: Callable[..., Callable[..., str]]
) -> None:
    give = limited("everything")
    client = next(iter(gate.further()))
    assert give("unlock") == "admitted"
    assert gate.still_knows(client)
    gate.further = dict
    assert give("unlock") == "unknown_client"
    assert not gate.still_knows(client)
    assert gate.still_knows(OWNER.client)


def test_a_client_that_hammers_is_answered_a_few_times(
    gate: Admission, limited: Callable[..., Callable[..., str]]
) -> None:
    signer = Signer.from_code(new_code())
    gate.further = lambda: {signer.client: Client(name="nanny", signer=signer, words=("locking",))}
    answered = 0
    for number in range(200):
        command = replace(COMMAND, id=f"hammer-{number}", client=signer.client)
        verdict = gate.judge(car="car-a", payload=command.signed(signer).encode(), retained=False, now=NOW)
        assert isinstance(verdict, Refusal)
        answered += verdict.answer
    assert answered == admission.UNWANTED_PER_S


def test_two_clients_may_use_the_same_id(gate: Admission, limited: Callable[..., Callable[..., str]]) -> None:
    give = limited("everything")
    assert judged(gate, COMMAND) == "admitted"
    assert give("lock", id=COMMAND.id) == "admitted", "an id is one client's own"
