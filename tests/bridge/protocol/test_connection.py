"""Stories of the conversation, without event loop and with `now` a plain number; the far end is played by hand."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from driveway_bridge.commands import security
from driveway_bridge.commands.base import Command
from driveway_bridge.proto import SessionInfo
from driveway_bridge.protocol import framing
from driveway_bridge.protocol.connection import Connection
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.events import (
    Broadcast,
    CountersNeeded,
    Event,
    Outcome,
    Refused,
    Reply,
    Sent,
    SessionReady,
    Unanswered,
)
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.session import LOW, MAX_COUNTER, MAX_EXPIRY, SavedSession, Session
from tests.bridge.protocol.scripted_car import (
    CAR,
    CLIENT,
    EPOCH,
    FIRST_ANSWER_S,
    LOCKED,
    OTHER_EPOCH,
    UNLOCKED,
    VIN,
    Request,
    ScriptedCar,
    broadcast,
    command_status,
    nominal_error,
    read,
    status,
)

TOGGLE = Command(name="open_trunk", domain=Domain.VEHICLE_SECURITY, payload=bytes.fromhex("22022801"), idempotent=False)
CLIMATE = Command(name="climate_on", domain=Domain.INFOTAINMENT, payload=bytes.fromhex("120452020801"))
REMEMBERED = SavedSession(public_key=CAR.public, epoch=EPOCH, counter=6, granted=22, clock_time=2650, heard_at=0.0)


class Story:
    """A connection, a clock, and short words for what happens."""

    def __init__(self, saved: SavedSession | None = REMEMBERED, *, counters_on_request: bool = False) -> None:
        self.now = 0.0
        sessions = {} if saved is None else {Domain.VEHICLE_SECURITY: saved, Domain.INFOTAINMENT: saved}
        self.connection = Connection(
            VIN, CLIENT, sessions=sessions, random=secrets.token_bytes, counters_on_request=counters_on_request
        )
        self.car = ScriptedCar()
        self.events: list[Event] = []

    def ask(self, command: Command, *, timeout_s: float = 8.0, answer_s: float = 2.5) -> int:
        return self.connection.request(command, self.now, timeout_s=timeout_s, answer_s=answer_s)

    def sent(self) -> list[Request]:
        """What has gone out since the last time."""
        requests = [read(frame) for frame in self.connection.data_to_send()]
        self._gather()
        return requests

    def one(self) -> Request:
        (request,) = self.sent()
        return request

    def hear(self, framed: bytes) -> None:
        self.connection.receive_data(framed, self.now)
        self._gather()

    def wait(self, seconds: float) -> None:
        """Let time pass, with every deadline on the way handled at its moment."""
        end = self.now + seconds
        while (deadline := self.connection.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.connection.handle_deadline(self.now)
            self._gather()
        self.now = end

    def outcomes(self) -> list[Outcome]:
        return [event for event in self.events if isinstance(event, (Reply, Refused, Unanswered))]

    def _gather(self) -> None:
        while (event := self.connection.next_event()) is not None:
            self.events.append(event)


# The session ----------------------------------------------------------------------------------------------------------


def test_first_command_asks_who_the_car_is() -> None:
    story = Story(saved=None)
    lock = story.ask(security.lock())
    hello = story.one()
    assert hello.handshake
    assert hello.message.session_info_request.public_key == CLIENT.public
    assert (len(hello.uuid), len(hello.address)) == (16, 16)
    assert not hello.message.HasField("signature_data")
    story.hear(story.car.session_info(hello))
    command = story.one()
    assert (command.counter, command.epoch, command.expires_at) == (7, EPOCH, 2655)
    assert story.car.plaintext(command) == security.lock().payload
    assert command.message.flags == 2
    assert command.address != hello.address
    story.hear(story.car.plain(command))
    assert story.outcomes() == [Reply(id=lock)]
    assert [type(event) for event in story.events] == [Sent, SessionReady, Sent, Reply]


def test_a_remembered_session_needs_no_handshake() -> None:
    story = Story()
    story.now = 10.9
    story.ask(security.unlock())
    command = story.one()
    assert story.car.plaintext(command) == security.unlock().payload
    assert (command.counter, command.expires_at) == (7, 2665)


def test_a_session_whose_clock_is_worth_nothing_needs_one() -> None:
    story = Story(saved=replace(REMEMBERED, heard_at=None))
    story.ask(security.lock())
    assert story.one().handshake


def test_expiry_never_goes_beyond_what_cars_take() -> None:
    story = Story(saved=replace(REMEMBERED, clock_time=MAX_EXPIRY - 2))
    story.ask(security.lock())
    assert story.one().expires_at == MAX_EXPIRY


def test_each_request_to_the_body_controller_has_its_own_address() -> None:
    story = Story()
    addresses = set()
    for _ in range(3):
        story.ask(security.lock())
        command = story.one()
        addresses.add(command.address)
        story.hear(story.car.plain(command))
    assert len(addresses) == 3
    assert len(story.outcomes()) == 3


def test_infotainment_keeps_one_address_and_wants_the_uuid_back() -> None:
    story = Story()
    first = story.ask(CLIMATE)
    one = story.one()
    story.hear(story.car.sealed(one, b"\x0a\x00"))
    story.ask(CLIMATE)
    two = story.one()
    assert one.address == two.address
    assert one.uuid != two.uuid
    story.hear(story.car.plain(two, b"\x0a\x00", echo=False))
    assert story.outcomes() == [Reply(id=first, payload=b"\x0a\x00")]
    story.hear(story.car.plain(two, b"\x0a\x00"))
    assert len(story.outcomes()) == 2


def test_a_slow_car_is_reached() -> None:
    """Each handshake takes it 1.6 s, longer than we wait before we ask again: earlier questions stay good."""
    story = Story(saved=None)
    story.ask(security.lock())
    first = story.one()
    story.wait(1.6)
    second = story.one()
    assert second.handshake
    assert second.uuid != first.uuid
    assert second.address != first.address
    story.hear(story.car.session_info(first))
    assert story.car.plaintext(story.one()) == security.lock().payload
    story.hear(story.car.session_info(second))
    assert story.sent() == []  # the second answer is one too many and changes nothing


def test_a_session_info_that_comes_after_four_seconds_is_too_late() -> None:
    story = Story(saved=None)
    story.ask(security.lock())
    first = story.one()
    story.wait(4.1)
    story.sent()
    story.hear(story.car.session_info(first))
    assert story.sent() == []
    assert story.connection.dropped["session info late"] == 1


def test_handshakes_without_any_answer() -> None:
    story = Story(saved=None)
    lock = story.ask(security.lock(), timeout_s=5.0)
    story.wait(5.0)
    assert story.outcomes() == [Unanswered(id=lock, reason="no_answer", may_have_happened=False)]
    assert story.connection.next_deadline() is None


def test_another_car_is_told_from_silence() -> None:
    story = Story(saved=None)
    story.car.vin = "5YJ3E1EA1KF000000"
    lock = story.ask(security.lock(), timeout_s=8.0)
    for _ in range(3):
        story.hear(story.car.session_info(story.one()))
        story.wait(1.0)
    assert story.outcomes() == [Refused(id=lock, reason="wrong_car", detail="WRONG_TAG")]
    assert story.connection.dropped["session info wrong_tag"] == 3
    assert story.now == 3.0  # the time it took; it was known after 2 s


def test_one_wrong_tag_does_not_spoil_the_right_one() -> None:
    story = Story(saved=None)
    story.ask(security.lock())
    hello = story.one()
    story.hear(ScriptedCar(vin="5YJ3E1EA1KF000000").session_info(hello))
    story.hear(story.car.session_info(hello))
    assert story.car.plaintext(story.one()) is not None


def test_a_flood_of_forged_answers_to_one_question_does_not_spoil_the_right_one() -> None:
    story = Story(saved=None)
    story.ask(security.lock())
    hello = story.one()
    for _ in range(10):
        story.hear(ScriptedCar(vin="5YJ3E1EA1KF000000").session_info(hello))
    story.hear(story.car.session_info(hello))
    assert story.car.plaintext(story.one()) is not None


def test_another_car_that_answers_only_twice() -> None:
    story = Story(saved=None)
    lock = story.ask(security.lock(), timeout_s=5.0)
    for _ in range(2):
        story.hear(ScriptedCar(vin="5YJ3E1EA1KF000000").session_info(story.one()))
        story.wait(1.0)
    story.wait(3.0)
    assert story.outcomes() == [Refused(id=lock, reason="wrong_car", detail="WRONG_TAG")]


def test_an_old_session_info_in_a_new_envelope_is_not_believed() -> None:
    """Genuine, but for an earlier question; the body controller may leave the uuid out, so the tag must tell."""
    story = Story(saved=None)
    story.ask(security.lock())
    hello = story.one()
    old_uuid = bytes(16)
    story.hear(story.car.session_info(hello, challenge=old_uuid, echo=False))
    assert story.sent() == []
    assert story.connection.dropped["session info wrong_tag"] == 1
    story.hear(story.car.session_info(hello, echo=False))  # without echo, but for this question: fine
    assert story.car.plaintext(story.one()) is not None


def test_an_echoed_uuid_that_is_not_ours_is_dropped() -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    foreign = story.car.answer(command)
    foreign.request_uuid = bytes(16)
    story.hear(framing.frame(foreign.SerializeToString()))
    assert story.outcomes() == []
    story.hear(story.car.plain(command, echo=False))
    assert story.outcomes() == [Reply(id=lock)]


def test_key_unknown_is_seen_before_any_key_agreement() -> None:
    story = Story(saved=None)
    lock = story.ask(security.lock())
    story.hear(story.car.session_info(story.one(), info=SessionInfo(status=1).SerializeToString()))  # type: ignore[arg-type]
    assert story.outcomes() == [Refused(id=lock, reason="key_not_enrolled", detail="KEY_UNKNOWN")]


@pytest.mark.parametrize("public_key", [b"", bytes(65), b"\x04" + bytes(64), CAR.public[:33]])
def test_a_session_info_without_a_usable_key_is_dropped(public_key: bytes) -> None:
    story = Story(saved=None)
    story.ask(security.lock())
    info = SessionInfo(counter=1, publicKey=public_key, epoch=EPOCH, clock_time=5).SerializeToString()
    story.hear(story.car.session_info(story.one(), info=info))
    assert story.sent() == []
    assert story.connection.dropped["session info malformed"] == 1


def test_the_clock_of_one_epoch_does_not_run_backwards() -> None:
    story = Story(saved=replace(REMEMBERED, heard_at=None))
    lock = story.ask(security.lock(), timeout_s=2.5)
    story.car.clock = 2649
    story.hear(story.car.session_info(story.one()))
    assert story.connection.dropped["session info stale"] == 1
    story.wait(2.5)
    assert story.outcomes() == [Unanswered(id=lock, reason="no_answer", may_have_happened=False)]
    story.sent()
    # What we remembered contradicts the car; the next command begins from nothing and succeeds.
    story.ask(security.lock())
    story.hear(story.car.session_info(story.one()))
    assert story.car.plaintext(story.one()) is not None


def test_counters_never_go_back_within_an_epoch() -> None:
    story = Story(saved=replace(REMEMBERED, counter=40, granted=40, heard_at=None))
    story.ask(security.lock())
    story.hear(story.car.session_info(story.one()))  # the car knows of 6 only
    assert story.one().counter == 41


def test_the_last_counter_is_not_used_twice() -> None:
    story = Story(saved=replace(REMEMBERED, counter=MAX_COUNTER - 1, granted=MAX_COUNTER))
    story.ask(security.lock())
    command = story.one()
    assert command.counter == MAX_COUNTER
    story.hear(story.car.plain(command))
    story.ask(security.lock())
    hello = story.one()
    assert hello.handshake
    story.car.epoch, story.car.counter, story.car.clock = OTHER_EPOCH, 0, 1
    story.hear(story.car.session_info(hello))
    assert story.one().counter == 1


def test_counters_are_used_only_after_they_are_written_down() -> None:
    story = Story(saved=replace(REMEMBERED, granted=6), counters_on_request=True)
    lock = story.ask(security.lock())
    assert story.sent() == []
    (needed,) = story.events
    assert isinstance(needed, CountersNeeded)
    assert (needed.domain, needed.session.counter) == (Domain.VEHICLE_SECURITY, 6)
    story.connection.grant(needed.domain, replace(needed.session, counter=20, granted=21), story.now)
    assert story.one().counter == 21  # another program has 7 to 20
    story.connection.cancel(lock, story.now)
    story.ask(security.lock())
    story.sent()
    assert isinstance(story.events[-1], CountersNeeded)


def test_the_next_counters_are_asked_for_before_the_last_is_used() -> None:
    """So that every sixteenth lock command does not wait for a disk."""
    story = Story(saved=replace(REMEMBERED, granted=6 + LOW + 1), counters_on_request=True)
    story.ask(security.lock())
    command = story.one()
    assert command.counter == 7
    (needed,) = [event for event in story.events if isinstance(event, CountersNeeded)]
    assert (needed.session.counter, needed.session.granted) == (7, 7 + LOW)
    story.connection.grant(needed.domain, replace(needed.session, counter=7 + LOW, granted=23 + LOW), story.now)
    used = []
    for _ in range(10):
        story.hear(story.car.plain(command))
        story.ask(security.lock())
        command = story.one()
        used.append(command.counter)
    assert used == list(range(8, 18))  # none is skipped
    assert len([event for event in story.events if isinstance(event, CountersNeeded)]) == 1


def test_a_grant_below_what_the_car_knows_is_not_used() -> None:
    session = Session(VIN, Domain.VEHICLE_SECURITY, CLIENT, replace(REMEMBERED, counter=50, granted=50))
    assert not session.grant(replace(REMEMBERED, counter=6, granted=22))
    assert session.grant(replace(REMEMBERED, counter=50, granted=66))
    assert session.counters_left == 16


def test_a_grant_for_another_epoch_is_not_used() -> None:
    story = Story(saved=replace(REMEMBERED, granted=6), counters_on_request=True)
    story.ask(security.lock())
    story.sent()
    wrong = replace(REMEMBERED, epoch=OTHER_EPOCH, counter=100, granted=116)
    story.connection.grant(Domain.VEHICLE_SECURITY, wrong, story.now)
    assert story.sent() == []
    assert len([event for event in story.events if isinstance(event, CountersNeeded)]) == 2


# Faults that heal -----------------------------------------------------------------------------------------------------


def test_the_car_has_rebooted() -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.car.epoch, story.car.counter, story.car.clock = OTHER_EPOCH, 0, 3
    stale = story.one()
    story.hear(story.car.session_info(stale, fault=15))
    command = story.one()
    assert (command.epoch, command.counter, command.expires_at) == (OTHER_EPOCH, 1, 8)
    assert not {command.uuid, command.nonce} & {stale.uuid, stale.nonce}
    assert story.car.plaintext(command) == security.lock().payload
    story.hear(story.car.plain(command))
    assert story.outcomes() == [Reply(id=lock)]


@pytest.mark.parametrize("fault", [17, 20])
def test_the_clocks_have_drifted_apart(fault: int) -> None:
    story = Story()
    story.ask(security.lock())
    story.car.clock = 3000
    story.now = 0.5
    story.hear(story.car.session_info(story.one(), fault=fault))
    assert story.one().expires_at == 3005


def test_the_counter_was_used_by_somebody_else() -> None:
    story = Story()
    story.ask(security.lock())
    story.car.counter = 50
    story.hear(story.car.session_info(story.one(), fault=6))
    assert story.one().counter == 51


@pytest.mark.parametrize("fault", [5, 6, 15, 17, 20])
def test_a_fault_that_teaches_nothing_leads_to_a_handshake(fault: int) -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.hear(story.car.fault(story.one(), fault))
    hello = story.one()
    assert hello.handshake
    story.hear(story.car.session_info(hello))
    story.hear(story.car.plain(story.one()))
    assert story.outcomes() == [Reply(id=lock)]


def test_a_refusal_followed_by_silence_has_moved_nothing() -> None:
    story = Story()
    lock = story.ask(security.lock(), timeout_s=3.0)
    story.hear(story.car.fault(story.one(), 15))
    story.wait(3.0)
    assert story.outcomes() == [Unanswered(id=lock, reason="no_answer", may_have_happened=False)]


def test_another_car_in_the_place_of_the_remembered_one() -> None:
    story = Story()
    story.car = ScriptedCar(key=PrivateKey.generate(), vin="5YJ3E1EA1KF000000", epoch=OTHER_EPOCH)
    lock = story.ask(security.lock(), timeout_s=2.5)
    story.hear(story.car.session_info(story.one(), fault=15))
    for _ in range(2):
        story.hear(story.car.session_info(story.one()))
        story.wait(1.0)
    story.wait(1.0)
    assert story.outcomes() == [Refused(id=lock, reason="wrong_car", detail="WRONG_TAG")]


def test_a_replayed_session_info_teaches_nothing() -> None:
    story = Story()
    story.ask(security.lock())
    story.hear(story.car.session_info(story.one(), challenge=bytes(16), fault=15))
    assert story.one().handshake


def test_a_signature_that_stays_wrong_leads_to_a_handshake() -> None:
    story = Story()
    story.ask(security.lock())
    story.hear(story.car.session_info(story.one(), fault=5))
    second = story.one()
    assert second.signed
    story.hear(story.car.session_info(second, fault=5))
    assert story.one().handshake


def test_resending_ends() -> None:
    story = Story()
    lock = story.ask(security.lock())
    sent = 0
    while requests := story.sent():
        sent += 1
        story.hear(story.car.session_info(requests[0], fault=17))
    assert sent == 4
    assert story.outcomes() == [Refused(id=lock, reason="refused_by_car", detail="TIME_EXPIRED", temporary=True)]


def test_the_car_got_a_new_computer() -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.car.key, story.car.epoch, story.car.counter, story.car.clock = PrivateKey.generate(), OTHER_EPOCH, 2, 9
    story.hear(story.car.session_info(story.one(), fault=15))
    hello = story.one()
    assert hello.handshake
    story.hear(story.car.session_info(hello))
    command = story.one()
    assert command.counter == 3
    assert story.car.plaintext(command) is not None
    story.hear(story.car.plain(command))
    assert story.outcomes() == [Reply(id=lock)]
    assert story.connection.saved()[Domain.VEHICLE_SECURITY].public_key == story.car.key.public


def test_a_car_whose_key_never_stays_the_same() -> None:
    story = Story()
    lock = story.ask(security.lock())
    for _ in range(8):
        requests = story.sent()
        if not requests:
            break
        (request,) = requests
        if not request.handshake:
            story.car.key = PrivateKey.generate()
        story.hear(story.car.session_info(request, fault=0 if request.handshake else 15))
    assert story.outcomes() == [Refused(id=lock, reason="car_key_changed", detail="INCORRECT_EPOCH", temporary=True)]


def test_a_toggle_is_not_sent_again_whatever_the_fault() -> None:
    story = Story()
    toggle = story.ask(TOGGLE)
    story.hear(story.car.session_info(story.one(), fault=15))
    assert story.sent() == []
    assert story.outcomes() == [Refused(id=toggle, reason="refused_by_car", detail="INCORRECT_EPOCH", temporary=True)]


# Faults that do not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "reason", "detail"),
    [
        (3, "key_not_enrolled", "UNKNOWN_KEY_ID"),
        (4, "key_not_enrolled", "INACTIVE_KEY"),
        (7, "not_permitted", "INSUFFICIENT_PRIVILEGES"),
        (8, "refused_by_car", "INVALID_DOMAINS"),
        (12, "wrong_car", "WRONG_PERSONALIZATION"),
        (13, "refused_by_car", "BAD_PARAMETER"),
        (21, "remote_access_off", "REMOTE_ACCESS_DISABLED"),
        (28, "refused_by_car", "REQUIRES_RESPONSE_ENCRYPTION"),
        (77, "refused_by_car", "FAULT_77"),
    ],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_a_no_is_a_no(fault: int, reason: str, detail: str, sealed: bool) -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    story.hear(story.car.sealed(command, fault=fault) if sealed else story.car.fault(command, fault))
    assert story.outcomes() == [Refused(id=lock, reason=reason, detail=detail)]
    assert story.sent() == []


@pytest.mark.parametrize("fault", [1, 2, 11])
def test_a_busy_car_is_asked_again_in_a_moment(fault: int) -> None:
    story = Story()
    lock = story.ask(security.lock())
    first = story.one()
    story.hear(story.car.fault(first, fault))
    story.wait(0.3)
    assert story.sent() == []
    story.wait(0.1)
    second = story.one()
    assert second.counter == first.counter + 1
    story.hear(story.car.plain(second))
    assert story.outcomes() == [Reply(id=lock)]


def test_a_car_that_stays_busy() -> None:
    story = Story()
    lock = story.ask(security.lock(), timeout_s=3.0)
    for _ in range(10):
        for request in story.sent():
            story.hear(story.car.plain(request, command_status(1)))
        story.wait(0.5)
    (outcome,) = story.outcomes()
    assert outcome == Refused(id=lock, reason="car_busy", detail="WAIT", temporary=True)


def test_a_car_that_boots_is_busy_during_the_handshake() -> None:
    story = Story(saved=None)
    lock = story.ask(security.lock(), timeout_s=3.0)
    story.hear(story.car.fault(story.one(), 11))
    story.wait(1.0)
    story.hear(story.car.session_info(story.one()))
    story.hear(story.car.plain(story.one()))
    assert story.outcomes() == [Reply(id=lock)]


def test_an_answer_too_large_for_the_link_leaves_the_fate_open() -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.hear(story.car.fault(story.one(), 25))
    (outcome,) = story.outcomes()
    assert outcome == Unanswered(
        id=lock, reason="not_understood", detail="RESPONSE_MTU_EXCEEDED", may_have_happened=True
    )


# The body controller's answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", status(LOCKED)])
@pytest.mark.parametrize("sealed", [False, True])
def test_success(payload: bytes, sealed: bool) -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    story.hear(story.car.sealed(command, payload) if sealed else story.car.plain(command, payload, echo=False))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Reply)
    assert (outcome.id, outcome.payload) == (lock, payload)
    assert (outcome.body is not None) is bool(payload)


@pytest.mark.parametrize(
    "payload",
    [command_status(0), command_status(0, signed=0), command_status(2, signed=4), command_status(2), b"\xff\xff"],
    ids=["ok", "ok, signed", "error, signed", "error", "rubbish"],
)
def test_these_are_not_the_end(payload: bytes) -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    story.hear(story.car.plain(command, payload))
    assert story.outcomes() == []
    story.hear(story.car.sealed(command))
    assert story.outcomes() == [Reply(id=lock)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(command_status(0), "no_answer"), (command_status(2), "not_understood"), (b"\xff\xff", "not_understood")],
)
def test_if_nothing_follows_the_fate_is_open(payload: bytes, reason: str) -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.hear(story.car.plain(story.one(), payload))
    story.wait(FIRST_ANSWER_S)
    assert story.outcomes() == [Unanswered(id=lock, reason=reason, may_have_happened=True)]


@pytest.mark.parametrize(
    ("number", "reason", "detail"),
    [
        (1, "refused_by_car", "UNKNOWN"),
        (2, "closures_open", "CLOSURES_OPEN"),
        (6, "not_permitted", "UNAUTHORIZED"),
        (7, "not_permitted", "NOT_ALLOWED_OVER_TRANSPORT"),
        (99, "refused_by_car", "ERROR_99"),
    ],
)
def test_nominal_errors_are_final(number: int, reason: str, detail: str) -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.hear(story.car.sealed(story.one(), nominal_error(number)))
    assert story.outcomes() == [Refused(id=lock, reason=reason, detail=detail)]


def test_already_so_is_success_because_the_car_says_so() -> None:
    story = Story()
    wake = story.ask(security.wake())
    story.hear(story.car.sealed(story.one(), nominal_error(3)))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Reply)
    assert outcome.already_so
    assert outcome.id == wake


def test_an_error_without_a_fault_is_an_error() -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.hear(story.car.plain(story.one(), status=2))
    assert story.outcomes() == [Refused(id=lock, reason="refused_by_car", detail="ERROR")]


def test_wait_in_the_envelope_means_busy() -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.hear(story.car.plain(story.one(), status=1))
    story.wait(1.0)
    story.hear(story.car.plain(story.one()))
    assert story.outcomes() == [Reply(id=lock)]


def test_a_toggle_is_not_repeated_for_a_busy_car() -> None:
    story = Story()
    toggle = story.ask(TOGGLE)
    story.hear(story.car.plain(story.one(), command_status(1)))
    story.wait(3.0)
    assert story.sent() == []
    assert story.outcomes() == [Refused(id=toggle, reason="car_busy", detail="WAIT", temporary=True)]


def test_forged_and_repeated_answers_are_dropped() -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    story.hear(story.car.sealed(command, spoil=True))
    story.hear(story.car.sealed(command, command_status(0), counter=5))
    story.hear(story.car.sealed(command, nominal_error(6), counter=5))
    assert story.outcomes() == []
    assert (story.connection.dropped["not genuine"], story.connection.dropped["repeated"]) == (1, 1)
    story.hear(story.car.sealed(command, counter=4))  # out of order, and fine
    assert story.outcomes() == [Reply(id=lock)]


def test_a_sealed_answer_is_bound_to_its_request() -> None:
    story = Story()
    story.ask(security.lock())
    one = story.one()
    story.hear(story.car.fault(one, 1))
    story.wait(1.0)
    two = story.one()
    swapped = story.car.answer(two)
    genuine_for_one = framing.Unframer().feed(story.car.sealed(one), 0.0)[0]
    swapped.MergeFromString(genuine_for_one)
    swapped.to_destination.routing_address = two.address
    swapped.request_uuid = two.uuid
    story.hear(framing.frame(swapped.SerializeToString()))
    assert story.outcomes() == []
    assert story.connection.dropped["not genuine"] == 1


# Reading, broadcasts, order -------------------------------------------------------------------------------------------


def test_reading_needs_no_key() -> None:
    story = Story(saved=None)
    reading = story.ask(security.status())
    request = story.one()
    assert not request.handshake
    assert not request.signed
    assert len(request.message.SerializeToString()) == 50
    story.hear(story.car.plain(request))  # an acknowledgement is not yet what was asked for
    assert story.outcomes() == []
    story.hear(story.car.plain(request, status(UNLOCKED), echo=False))
    (outcome,) = story.outcomes()
    assert isinstance(outcome, Reply)
    assert outcome.id == reading
    assert outcome.body is not None
    assert outcome.body.locked is False


def test_a_broadcast_is_no_answer() -> None:
    story = Story()
    story.ask(security.status())
    story.one()
    story.hear(broadcast(LOCKED))
    assert story.outcomes() == []
    (event,) = [event for event in story.events if isinstance(event, Broadcast)]
    assert event.body.locked is True


def test_bare_messages_of_old_firmware() -> None:
    story = Story()
    story.hear(framing.frame(status(LOCKED)))
    story.hear(framing.frame(command_status(1)))
    story.hear(framing.frame(bytes.fromhex("0a00")))  # an empty status would read as unlocked
    (event,) = story.events
    assert isinstance(event, Broadcast)
    assert event.body.locked is True


def test_what_is_not_for_us_is_dropped() -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    for spoil in (
        "short",
        "from nowhere",
        "from an address",
        "odd uuid",
        "to a domain",
        "other address",
        "other domain",
    ):
        message = story.car.answer(command)
        if spoil == "short":
            message.to_destination.routing_address = command.address[:8]
        elif spoil == "from nowhere":
            message.ClearField("from_destination")
        elif spoil == "from an address":
            message.from_destination.routing_address = bytes(16)
        elif spoil == "odd uuid":
            message.request_uuid = b"abc"
        elif spoil == "to a domain":
            message.to_destination.domain = 2  # type: ignore[assignment]
        elif spoil == "other address":
            message.to_destination.routing_address = bytes(16)
        else:
            message.from_destination.domain = 3  # type: ignore[assignment]
        story.hear(framing.frame(message.SerializeToString()))
    assert story.outcomes() == []
    assert sum(story.connection.dropped.values()) == 7
    story.hear(story.car.plain(command))
    assert story.outcomes() == [Reply(id=lock)]


def test_one_request_at_a_time_and_commands_before_reads() -> None:
    story = Story()
    first = story.ask(security.status())
    second = story.ask(security.status())
    lock = story.ask(security.lock())
    reading = story.one()
    story.hear(story.car.plain(reading, status(UNLOCKED)))
    command = story.one()
    assert command.signed
    story.hear(story.car.plain(command))
    story.hear(story.car.plain(story.one(), status(LOCKED)))
    assert [outcome.id for outcome in story.outcomes()] == [first, lock, second]


def test_the_lock_does_not_wait_for_infotainment() -> None:
    story = Story(saved=None)
    story.ask(CLIMATE)
    story.ask(security.lock())
    assert sorted(request.domain for request in story.sent()) == [Domain.VEHICLE_SECURITY, Domain.INFOTAINMENT]


def test_a_late_answer_is_still_an_answer() -> None:
    story = Story()
    lock = story.ask(security.lock())
    command = story.one()
    story.wait(FIRST_ANSWER_S)
    assert story.outcomes() == [Unanswered(id=lock, reason="no_answer", may_have_happened=True)]
    reading = story.ask(security.status())
    story.sent()
    story.hear(story.car.sealed(command))
    assert story.outcomes()[1:] == [Reply(id=lock)]
    story.wait(FIRST_ANSWER_S)
    assert [outcome.id for outcome in story.outcomes()] == [lock, lock, reading]


def test_an_answer_to_the_first_try_counts_after_the_second() -> None:
    story = Story()
    lock = story.ask(security.lock())
    first = story.one()
    story.hear(story.car.fault(first, 2))
    story.wait(1.0)
    story.one()
    story.hear(story.car.plain(first))
    assert story.outcomes() == [Reply(id=lock)]


def test_a_fault_about_an_earlier_try_is_no_news() -> None:
    story = Story()
    story.ask(security.lock())
    first = story.one()
    story.hear(story.car.fault(first, 2))
    story.wait(1.0)
    story.one()
    story.hear(story.car.fault(first, 3))
    assert story.outcomes() == []


def test_a_cancelled_request_is_forgotten() -> None:
    story = Story()
    cancelled = story.ask(security.lock())
    lock = story.ask(security.lock())
    forgotten = story.one()
    story.connection.cancel(cancelled, story.now)
    command = story.one()
    story.hear(story.car.plain(forgotten))
    assert story.outcomes() == []
    story.hear(story.car.plain(command))
    assert story.outcomes() == [Reply(id=lock)]


def test_a_frame_that_is_not_fetched_before_it_is_cancelled_never_leaves() -> None:
    story = Story()
    lock = story.ask(security.unlock())
    story.connection.cancel(lock, story.now)
    assert story.sent() == []
    late = story.ask(security.unlock(), timeout_s=1.0)
    story.wait(1.0)
    assert story.sent() == []
    assert [outcome.id for outcome in story.outcomes()] == [late]


def test_a_hastened_request_ends_earlier() -> None:
    story = Story()
    lock = story.ask(security.lock())
    story.sent()
    story.connection.hasten(lock, 0.5)
    story.wait(0.5)
    assert [outcome.id for outcome in story.outcomes()] == [lock]


def test_too_many_requests_are_turned_away() -> None:
    story = Story()
    ids = [story.ask(security.status()) for _ in range(20)]
    story.sent()
    refused = [outcome.id for outcome in story.outcomes()]
    assert refused == ids[17:]
    assert all(isinstance(outcome, Refused) and outcome.reason == "too_many" for outcome in story.outcomes())


def test_a_payload_that_fits_no_frame_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="payload"):
        Story().ask(replace(CLIMATE, payload=bytes(1000)))


def test_answers_cut_anyhow_are_understood() -> None:
    story = Story(saved=None)
    lock = story.ask(security.lock())
    for byte in story.car.session_info(story.one()):
        story.hear(bytes((byte,)))
    command = story.one()
    story.hear(broadcast(LOCKED) + story.car.plain(command) + broadcast(UNLOCKED)[:5])
    assert story.outcomes() == [Reply(id=lock)]
