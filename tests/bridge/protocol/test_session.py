"""A session against everything that a genuine car, and a recording of one, can tell it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.proto import RoutableMessage, SessionInfo
from driveway_bridge.protocol import metadata
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.protocol.messages import Received
from driveway_bridge.protocol.session import LIFETIME_S, Lesson, SavedSession, Session

VIN = "5YJ30123456789ABC"
OWN = PrivateKey.from_scalar(b"\x07")
CAR = PrivateKey.from_scalar(b"\x08")
SECRET = CAR.shared_secret(OWN.public)
UUID = bytes(range(16))
EPOCHS = (b"a" * 16, b"b" * 16)


def told(epoch: bytes, counter: int, clock: int, *, challenge: bytes = UUID, spoil: bool = False) -> Received:
    """A session info as the car signs it."""
    info = SessionInfo(counter=counter, publicKey=CAR.public, epoch=epoch, clock_time=clock).SerializeToString()
    tag = SECRET.info_tag(metadata.session_info(VIN, challenge), info)
    return Received(
        sender=Domain.VEHICLE_SECURITY,
        address=bytes(16),
        request_uuid=challenge,
        session_info=info,
        info_tag=bytes((tag[0] ^ spoil,)) + tag[1:],
    )


def learn(session: Session, received: Received, now: float) -> Lesson:
    return session.learn(received, UUID, asked_at=now, now=now, handshake=True)


infos = st.tuples(st.sampled_from(EPOCHS), st.integers(0, 40), st.integers(0, 40))


@given(story=st.lists(infos | st.just(None), min_size=1, max_size=30))
def test_within_an_epoch_neither_counter_nor_clock_goes_back(story: list[tuple[bytes, int, int] | None]) -> None:
    """None stands for a command that is signed in between."""
    session = Session(VIN, Domain.VEHICLE_SECURITY, OWN)
    used: dict[bytes, int] = {}
    for now, step in enumerate(story):
        before = session.saved
        if step is not None:
            lesson = learn(session, told(*step), float(now))
            after = session.saved
            assert after is not None
            if lesson is Lesson.STALE:
                assert after == before
            if before is not None and before.epoch == after.epoch:
                assert after.counter >= before.counter
                assert after.clock_time >= before.clock_time
            if before is None or before.epoch != after.epoch:
                used.pop(after.epoch, None)  # the car began this epoch anew, or we had never seen it
        elif session.ready and before is not None:
            session.allow(1)
            session.sign(b"\x10\x01", float(now), address=bytes(16), uuid=UUID, nonce=bytes(12))
            after = session.saved
            assert after is not None
            assert after.counter == before.counter + 1
            assert after.counter > used.get(after.epoch, -1)
            used[after.epoch] = after.counter


@given(step=infos, challenge=st.binary(min_size=16, max_size=16), spoil=st.booleans())
def test_only_an_answer_to_our_own_question_teaches(
    step: tuple[bytes, int, int], challenge: bytes, spoil: bool
) -> None:
    session = Session(VIN, Domain.VEHICLE_SECURITY, OWN)
    genuine = challenge == UUID and not spoil
    assert (learn(session, told(*step, challenge=challenge, spoil=spoil), 0.0) is Lesson.ACCEPTED) is genuine
    assert session.ready is genuine


@given(clock=st.integers(0, 2**29), passed=st.floats(0, 10_000))
def test_a_command_lives_five_seconds_on_the_clock_of_the_car(clock: int, passed: float) -> None:
    session = Session(VIN, Domain.VEHICLE_SECURITY, OWN)
    learn(session, told(EPOCHS[0], 1, clock), 100.0)
    session.allow(1)
    message, _ = session.sign(b"\x10\x00", 100.0 + passed, address=bytes(16), uuid=UUID, nonce=bytes(12))
    expires_at = RoutableMessage.FromString(message).signature_data.AES_GCM_Personalized_data.expires_at
    car_now = clock + passed
    assert car_now + LIFETIME_S - 1 <= expires_at <= car_now + LIFETIME_S + 1e-6


@given(junk=st.binary(max_size=120))
def test_rubbish_teaches_nothing(junk: bytes) -> None:
    session = Session(VIN, Domain.VEHICLE_SECURITY, OWN)
    received = Received(sender=Domain.VEHICLE_SECURITY, address=bytes(16), session_info=junk, info_tag=bytes(32))
    assert learn(session, received, 0.0) in (Lesson.MALFORMED, Lesson.WRONG_TAG, Lesson.KEY_UNKNOWN)
    assert not session.ready


def test_a_remembered_session_without_a_clock_asks_first() -> None:
    saved = SavedSession(public_key=CAR.public, epoch=EPOCHS[0], counter=5, granted=5, clock_time=10, heard_at=None)
    assert not Session(VIN, Domain.VEHICLE_SECURITY, OWN, saved).ready
