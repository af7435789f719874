"""Stories of keys: presenting one to the car, and changing the list with an owner's key."""

from __future__ import annotations

import pytest

from driveway_bridge.commands import keys, security
from driveway_bridge.proto import vcsec
from driveway_bridge.protocol import framing
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import CardAwaited, Refused, Reply, Unanswered
from driveway_bridge.protocol.faults import whitelist_error
from driveway_bridge.protocol.requests import Greeting, Presentation
from driveway_bridge.reasons import REASONS
from tests.bridge.protocol.scripted_car import (
    CAR,
    CLIENT,
    FIRST_ANSWER_S,
    VIN,
    command_status,
    told_everybody,
    whitelist_status,
)
from tests.bridge.protocol.test_connection import Story
from tests.vectors import raw

REQUEST = Presentation(payload=keys.enrolment_request(CLIENT.public))
BARE_WAIT = bytes.fromhex("000422020801")
BARE_DONE = bytes.fromhex("000c220a1a0812060a045f0d64b3")


def presented(timeout_s: float = 120.0) -> tuple[Story, int]:
    """A key that has just been presented to a car that does not know it."""
    story = Story(saved=None)
    asked = story.ask(REQUEST, timeout_s=timeout_s)
    (frame,) = story.connection.data_to_send()
    assert frame == framing.frame(raw("enrolment", "message"))
    story.sent()
    return story, asked


def test_silence_is_what_most_cars_say() -> None:
    story, asked = presented()
    story.wait(119.0)
    assert story.sent() == []  # once, whatever happens: each copy asks the owner again
    assert story.outcomes() == []
    story.wait(1.0)
    assert story.outcomes() == [Unanswered(id=asked, reason="no_answer", may_have_happened=True)]


@pytest.mark.parametrize("word", [BARE_WAIT, told_everybody(command_status(1))], ids=["bare", "to everybody"])
def test_the_card_is_waited_for(word: bytes) -> None:
    story, asked = presented()
    story.hear(word)
    assert CardAwaited(asked) in story.events
    assert story.outcomes() == []


@pytest.mark.parametrize("word", [BARE_DONE, told_everybody(whitelist_status(0))], ids=["bare", "to everybody"])
def test_the_car_says_that_it_is_done(word: bytes) -> None:
    story, asked = presented()
    story.hear(BARE_WAIT)
    story.hear(word)
    assert story.outcomes() == [Reply(id=asked)]


@pytest.mark.parametrize(
    ("information", "reason"),
    [
        (3, "key_list_full"),
        (4, "key_list_full"),
        (5, "owner_key_needed"),
        (6, "key_refused"),
        (9, "owner_key_needed"),
        (13, "already_enrolled"),
        (14, "card_not_on_reader"),
        (19, "role_refused"),
        (23, "confirmation_impossible"),
        (24, "denied_on_screen"),
        (25, "card_not_tapped"),
        (26, "not_confirmed_on_screen"),
        (27, "valet_mode"),
        (28, "cancelled_at_car"),
    ],
)
def test_the_car_says_why_not(information: int, reason: str) -> None:
    story, asked = presented()
    story.hear(framing.frame(whitelist_status(information, 2)))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Refused)
    assert (outcome.id, outcome.reason, outcome.temporary) == (asked, reason, False)


def test_every_word_on_keys_has_a_reason() -> None:
    for number in (*vcsec.WhitelistOperation_information_E.values(), 99):
        fault = whitelist_error(number)
        assert fault.reason in REASONS
        assert fault.name
        assert not fault.name.startswith("WHITELISTOPERATION")


def test_words_that_say_nothing() -> None:
    story, _asked = presented()
    story.hear(framing.frame(command_status(2, signed=4)))
    story.hear(framing.frame(whitelist_status(0, 2)))
    assert story.outcomes() == []


def test_without_a_key_presented_such_words_are_nothing_to_us() -> None:
    story = Story()
    story.hear(BARE_WAIT)
    story.hear(BARE_DONE)
    assert story.events == []
    assert story.connection.dropped["not for us"] == 2


def test_proof_is_asked_for_meanwhile() -> None:
    story, asked = presented()
    greeting = story.ask(Greeting(domain=Domain.VEHICLE_SECURITY))
    story.hear(story.car.session_info(story.one(), info=b"\x28\x01"))
    assert story.outcomes() == [Refused(id=greeting, reason="key_not_enrolled", detail="KEY_UNKNOWN")]
    second = story.ask(Greeting(domain=Domain.VEHICLE_SECURITY))
    story.hear(story.car.session_info(story.one()))
    assert story.outcomes()[1:] == [Reply(id=second)]
    lock = story.ask(security.lock())
    story.hear(story.car.plain(story.one()))
    assert story.outcomes()[2:] == [Reply(id=lock)]
    story.connection.cancel(asked, story.now)
    assert story.connection.next_deadline() is None


def test_only_one_key_at_a_time() -> None:
    story, _asked = presented()
    second = story.ask(REQUEST)
    assert story.sent() == []
    assert story.outcomes() == [Refused(id=second, reason="too_many")]


# With an owner's key --------------------------------------------------------------------------------------------------


def test_a_change_is_done_when_the_car_says_so_and_not_before() -> None:
    story = Story()
    removal = story.ask(keys.key_remove(CAR.public))
    request = story.one()
    story.hear(story.car.plain(request))
    story.hear(story.car.sealed(request, b""))
    assert story.outcomes() == []
    story.hear(story.car.sealed(request, whitelist_status(0)))
    assert [outcome.id for outcome in story.outcomes() if isinstance(outcome, Reply)] == [removal]


@pytest.mark.parametrize(
    ("information", "reason", "detail"),
    [(2, "own_key", "NO_PERMISSION_TO_REMOVE_ONESELF"), (7, "owner_key_needed", "NO_PERMISSION_TO_REMOVE")],
)
@pytest.mark.parametrize("operation", [0, 2])
def test_a_change_is_refused(information: int, reason: str, detail: str, operation: int) -> None:
    story = Story()
    removal = story.ask(keys.key_remove(CAR.public))
    story.hear(story.car.sealed(story.one(), whitelist_status(information, operation)))
    assert story.outcomes() == [Refused(id=removal, reason=reason, detail=detail)]


@pytest.mark.parametrize(("command", "information"), [("add", 13), ("remove", 12)])
def test_a_change_that_is_none(command: str, information: int) -> None:
    story = Story()
    asked = story.ask(keys.key_add(CAR.public, "driver") if command == "add" else keys.key_remove(CAR.public))
    story.hear(story.car.sealed(story.one(), whitelist_status(information, 2)))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Reply)
    assert (outcome.id, outcome.already_so) == (asked, True)


def test_a_change_that_has_to_wait() -> None:
    story = Story()
    asked = story.ask(keys.key_remove(CAR.public))
    story.hear(story.car.sealed(story.one(), whitelist_status(0, 1)))
    story.wait(1.0)
    story.hear(story.car.sealed(story.one(), whitelist_status(0)))
    assert [outcome.id for outcome in story.outcomes()] == [asked]


def test_an_error_without_a_reason_leaves_the_fate_open() -> None:
    story = Story()
    asked = story.ask(keys.key_remove(CAR.public))
    story.hear(story.car.sealed(story.one(), whitelist_status(0, 2)))
    story.wait(FIRST_ANSWER_S)
    assert story.outcomes() == [Unanswered(id=asked, reason="not_understood", may_have_happened=True)]


def test_the_vin_plays_no_part_in_presenting() -> None:
    assert VIN.encode() not in REQUEST.payload
