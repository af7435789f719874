"""Stories of infotainment, of questions and of giving way, without event loop; the far end is played by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from driveway_bridge.commands import charging, read, security
from driveway_bridge.commands.base import Command
from driveway_bridge.protocol import framing
from driveway_bridge.protocol.connection import GIVE_WAY_S, Connection
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import Refused, Reply, Unanswered
from driveway_bridge.protocol.metadata import SignatureType
from driveway_bridge.protocol.requests import Greeting
from driveway_bridge.state.charge import Charge
from tests.bridge.protocol.scripted_car import (
    CLIENT,
    FIRST_ANSWER_S,
    LOCKED,
    OTHER_EPOCH,
    VIN,
    ScriptedCar,
    charge_limit,
    command_status,
    nominal_error,
    response,
    status,
)
from tests.bridge.protocol.test_connection import REMEMBERED, Story

LIMIT = charging.charge_limit(80)
TOGGLE = Command(name="media_toggle", domain=Domain.INFOTAINMENT, payload=bytes.fromhex("12027a00"), idempotent=False)


# Actions --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("payload", [response(), b""], ids=["yes", "nothing said"])
def test_done(sealed: bool, payload: bytes) -> None:
    story = Story()
    limit = story.ask(LIMIT)
    request = story.one()
    assert story.car.plaintext(request) == LIMIT.payload
    assert request.message.flags == 2
    story.hear(story.car.sealed(request, payload) if sealed else story.car.plain(request, payload))
    assert story.outcomes() == [Reply(id=limit, payload=payload)]


def test_the_car_says_no_in_its_own_words() -> None:
    story = Story()
    limit = story.ask(LIMIT)
    story.hear(story.car.sealed(story.one(), response("car said\nsomething new")))
    assert story.outcomes() == [Refused(id=limit, reason="refused_by_car", detail="car said something new")]


def test_the_car_says_that_it_is_so_already() -> None:
    story = Story()
    start = story.ask(charging.charge_start())
    story.hear(story.car.sealed(story.one(), response("is_charging")))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Reply)
    assert (outcome.id, outcome.already_so, outcome.detail) == (start, True, "is_charging")


@pytest.mark.parametrize("sealed", [False, True])
def test_an_answer_that_cannot_be_read_leaves_the_fate_open(sealed: bool) -> None:
    story = Story()
    limit = story.ask(LIMIT)
    request = story.one()
    story.hear(story.car.sealed(request, b"\xff") if sealed else story.car.plain(request, b"\xff"))
    assert story.outcomes() == []
    assert story.connection.dropped["not understood"] == 1
    story.wait(FIRST_ANSWER_S)
    assert story.outcomes() == [Unanswered(id=limit, reason="not_understood", may_have_happened=True)]


def test_a_readable_answer_after_one_that_is_not() -> None:
    story = Story()
    limit = story.ask(LIMIT)
    request = story.one()
    story.hear(story.car.plain(request, b"\xff"))
    story.hear(story.car.sealed(request, response()))
    assert story.outcomes() == [Reply(id=limit, payload=response())]


def test_an_answer_too_large_leaves_the_fate_of_an_action_open_but_not_of_a_question() -> None:
    for command, may_have_happened in ((LIMIT, True), (read.charge(), False)):
        story = Story()
        asked = story.ask(command)
        story.hear(story.car.fault(story.one(), 25))
        assert story.outcomes() == [
            Unanswered(
                id=asked,
                reason="not_understood",
                detail="RESPONSE_MTU_EXCEEDED",
                may_have_happened=may_have_happened,
            )
        ]


@pytest.mark.parametrize("fault", [1, 2, 11])
def test_a_booting_car_is_asked_again(fault: int) -> None:
    story = Story()
    limit = story.ask(LIMIT)
    story.hear(story.car.fault(story.one(), fault))
    story.wait(1.0)
    story.hear(story.car.sealed(story.one(), response()))
    assert story.outcomes() == [Reply(id=limit, payload=response())]


@pytest.mark.parametrize("fault", [1, 2, 11])
def test_a_booting_car_is_not_asked_to_toggle_again(fault: int) -> None:
    story = Story()
    toggle = story.ask(TOGGLE)
    story.hear(story.car.fault(story.one(), fault))
    story.wait(5.0)
    assert story.sent() == []
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Refused)
    assert (outcome.id, outcome.reason, outcome.temporary) == (toggle, "car_busy", True)


def test_a_car_that_boots_for_a_long_time() -> None:
    """Silence, then "busy", then it is there: a handshake request each second."""
    story = Story(saved=None)
    limit = story.ask(LIMIT, timeout_s=30.0)
    for second in range(9):
        hello = story.one()
        assert hello.handshake
        if second > 4:
            story.hear(story.car.fault(hello, 11))
        story.wait(1.0)
    story.hear(story.car.session_info(story.one()))
    story.hear(story.car.sealed(story.one(), response()))
    assert story.outcomes() == [Reply(id=limit, payload=response())]


def test_a_car_whose_infotainment_does_not_know_the_key() -> None:
    story = Story(saved=None)
    limit = story.ask(LIMIT)
    story.hear(story.car.fault(story.one(), 3))
    assert story.outcomes() == [Refused(id=limit, reason="key_not_enrolled", detail="UNKNOWN_KEY_ID")]


def test_one_address_for_a_connection_and_answers_only_with_the_uuid() -> None:
    story = Story(saved=None)
    limit = story.ask(LIMIT)
    hello = story.one()
    story.hear(story.car.session_info(hello, echo=False))
    assert story.sent() == []
    story.hear(story.car.session_info(hello))
    command = story.one()
    assert command.address == hello.address
    assert command.uuid != hello.uuid
    story.hear(story.car.plain(command, response(), echo=False))
    foreign = story.car.answer(command)
    foreign.to_destination.routing_address = bytes(16)
    story.hear(framing.frame(foreign.SerializeToString()))
    assert story.outcomes() == []
    assert story.connection.dropped["unknown address"] == 3
    story.hear(story.car.plain(command, response()))
    assert story.outcomes() == [Reply(id=limit, payload=response())]


def test_both_domains_have_sessions_of_their_own() -> None:
    """Pain 31."""
    story = Story(saved=None)
    other = ScriptedCar(epoch=OTHER_EPOCH, counter=50, clock=9)
    story.ask(LIMIT)
    story.ask(security.lock())
    for request in story.sent():
        story.hear((other if request.domain is Domain.INFOTAINMENT else story.car).session_info(request))
    sent = {request.domain: (request.epoch, request.counter) for request in story.sent()}
    assert sent[Domain.INFOTAINMENT] == (OTHER_EPOCH, 51)
    assert sent[Domain.VEHICLE_SECURITY] == (story.car.epoch, 7)
    saved = story.connection.saved()
    again = Connection(VIN, CLIENT, sessions=saved, random=bytes)
    again.request(replace(LIMIT, payload=b"\x12\x00"), story.now)
    (_frame,) = again.data_to_send()
    assert again.saved()[Domain.INFOTAINMENT].counter == 52
    assert again.saved()[Domain.VEHICLE_SECURITY] == saved[Domain.VEHICLE_SECURITY]


# Questions ------------------------------------------------------------------------------------------------------------


def test_an_acknowledgement_is_not_the_answer_to_a_question() -> None:
    story = Story()
    asked = story.ask(read.charge())
    request = story.one()
    story.hear(story.car.sealed(request, b""))
    story.hear(story.car.sealed(request, response()))  # yes, but no data
    assert story.outcomes() == []
    story.hear(story.car.sealed(request, charge_limit(80)))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Reply)
    assert outcome.id == asked
    assert isinstance(outcome.state, Charge)
    assert outcome.state.limit_percent == 80
    assert outcome.body is None


def test_an_acknowledgement_and_nothing_after_it() -> None:
    story = Story()
    asked = story.ask(read.charge())
    story.hear(story.car.sealed(story.one(), response()))
    story.wait(FIRST_ANSWER_S)
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Unanswered)
    assert (outcome.id, outcome.reason, outcome.may_have_happened) == (asked, "not_understood", False)


def test_a_question_is_refused() -> None:
    story = Story()
    asked = story.ask(read.charge())
    story.hear(story.car.sealed(story.one(), response("unauthorized")))
    assert story.outcomes() == [Refused(id=asked, reason="not_permitted", detail="unauthorized")]


def test_a_question_without_a_reader_gives_its_bytes() -> None:
    story = Story()
    asked = story.ask(replace(read.charge(), state=None))
    story.hear(story.car.sealed(story.one(), b"\x0a\x00"))
    assert story.outcomes() == [Reply(id=asked, payload=b"\x0a\x00")]


def test_a_question_to_the_body_is_not_answered_by_something_else() -> None:
    story = Story()
    asked = story.ask(security.status())
    request = story.one()
    story.hear(story.car.plain(request, bytes.fromhex("82010408021003")))  # a list of keys
    assert story.outcomes() == []
    story.hear(story.car.plain(request, status(LOCKED)))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Reply)
    assert (outcome.id, outcome.state) == (asked, outcome.body)


def test_the_phones_poll_in_an_envelope_of_ours_is_no_answer() -> None:
    story = Story()
    story.ask(security.lock())
    story.hear(story.car.plain(story.one(), bytes.fromhex("1a021802")))
    assert story.outcomes() == []


# Readable commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [LIMIT, security.lock()], ids=["infotainment", "body"])
@pytest.mark.parametrize("sealed", [False, True])
def test_hmac(command: Command, sealed: bool) -> None:
    """Authenticated, but in clear; the answer may still be sealed, bound to the whole tag or to its beginning."""
    story = Story()
    asked = story.connection.request(command, story.now, kind=SignatureType.HMAC_PERSONALIZED)
    request = story.one()
    assert not request.encrypted
    assert request.message.protobuf_message_as_bytes == command.payload
    assert (len(request.tag), request.counter, request.expires_at) == (32, 7, 2655)
    assert story.car.plaintext(request) == command.payload
    payload = response() if command is LIMIT else b""
    story.hear(story.car.sealed(request, payload) if sealed else story.car.plain(request, payload))
    assert story.outcomes() == [Reply(id=asked, payload=payload)]


def test_hmac_for_a_whole_connection() -> None:
    connection = Connection(
        VIN,
        CLIENT,
        sessions={Domain.INFOTAINMENT: REMEMBERED},
        random=bytes,
        kind=SignatureType.HMAC_PERSONALIZED,
    )
    connection.request(LIMIT, 0.0)
    (frame,) = connection.data_to_send()
    assert LIMIT.payload in frame


# Greeting -------------------------------------------------------------------------------------------------------------


def test_greeting_ends_with_the_handshake() -> None:
    story = Story()  # a session is remembered; the question is asked all the same
    asked = story.ask(Greeting(domain=Domain.INFOTAINMENT))
    hello = story.one()
    assert hello.handshake
    story.hear(story.car.session_info(hello))
    assert story.outcomes() == [Reply(id=asked)]
    assert story.sent() == []


@pytest.mark.parametrize("operation", [1, 2])
def test_a_greeting_is_answered_with_a_status_only(operation: int) -> None:
    story = Story()
    asked = story.ask(Greeting(domain=Domain.INFOTAINMENT), timeout_s=2.0)
    story.hear(story.car.plain(story.one(), status=operation))
    story.wait(2.0)
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Refused)
    reason = "car_busy" if operation == 1 else "refused_by_car"
    assert (outcome.id, outcome.reason, outcome.temporary) == (asked, reason, operation == 1)


def test_doubt_leads_to_a_handshake() -> None:
    story = Story()
    story.connection.doubt(Domain.INFOTAINMENT)
    story.ask(LIMIT)
    assert story.one().handshake
    story.ask(security.lock())
    assert story.one().signed


# Giving way -----------------------------------------------------------------------------------------------------------


def test_an_unanswered_reading_holds_up_no_command() -> None:
    story = Story()
    reading = story.ask(security.status())
    first = story.one()
    story.wait(0.1)
    lock = story.ask(security.lock())
    assert story.sent() == []  # the body takes one request at a time, so it is given a moment
    story.wait(GIVE_WAY_S - 0.1)
    command = story.one()
    assert command.signed
    story.hear(story.car.plain(command))
    assert story.outcomes() == [Reply(id=lock)]
    second = story.one()  # now the reading is asked again, and an answer to either will do
    assert not second.signed
    story.hear(story.car.plain(first, status(LOCKED)))
    assert [outcome.id for outcome in story.outcomes()] == [lock, reading]


def test_a_late_answer_to_a_reading_that_gave_way() -> None:
    story = Story()
    reading = story.ask(security.status())
    first = story.one()
    story.wait(1.0)
    story.ask(security.lock())
    assert story.one().signed
    story.hear(story.car.plain(first, status(LOCKED)))
    assert [outcome.id for outcome in story.outcomes()] == [reading]


def test_what_gives_way_may_run_out_of_time_in_line() -> None:
    story = Story()
    reading = story.ask(security.status(), timeout_s=1.0)
    story.sent()
    story.wait(0.7)
    story.ask(security.lock())
    assert story.one().signed
    story.wait(0.3)
    assert [outcome.id for outcome in story.outcomes()] == [reading]


def test_a_wake_gives_way_after_its_handshake() -> None:
    story = Story(saved=None)
    wake = story.connection.request(security.wake(), story.now, gives_way=True)
    hello = story.one()
    lock = story.ask(security.lock())
    assert story.sent() == []
    story.hear(story.car.session_info(hello))
    command = story.one()
    assert story.car.plaintext(command) == security.lock().payload
    story.hear(story.car.plain(command))
    after = story.one()
    story.car.counter = 7
    assert story.car.plaintext(after) == security.wake().payload
    story.hear(story.car.plain(after))
    assert story.outcomes() == [Reply(id=lock), Reply(id=wake)]


def test_a_wake_that_the_car_is_too_busy_for_gives_way() -> None:
    story = Story()
    story.connection.request(security.wake(), story.now, gives_way=True)
    story.hear(story.car.plain(story.one(), command_status(1)))
    story.wait(0.3)
    story.ask(security.lock())
    assert story.car.plaintext(story.one()) == security.lock().payload


def test_a_refusal_of_what_gave_way_is_no_news() -> None:
    story = Story()
    story.connection.request(security.wake(), story.now, gives_way=True)
    first = story.one()
    story.wait(1.0)
    story.ask(security.lock())
    story.sent()
    story.hear(story.car.sealed(first, nominal_error(6)))
    assert story.outcomes() == []
    assert story.connection.dropped["late"] == 1
