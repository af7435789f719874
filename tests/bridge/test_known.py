"""What is known of a car: only what it said, with its age."""

from __future__ import annotations

from dataclasses import fields

from driveway_bridge.known import BODY_FIELDS, CLOSURES, FROM_MEMORY, SUBJECTS, Knowledge, Known
from driveway_bridge.state.body import Body, ClosureState, LockState
from driveway_bridge.state.charge import Charge, ChargingState
from driveway_bridge.state.reading import State

AWAKE = Body(
    lock=LockState.UNLOCKED,
    asleep=False,
    user_present=True,
    **dict.fromkeys(CLOSURES, ClosureState.CLOSED) | {"front_trunk": ClosureState.OPEN},
)
ASLEEP = Body(lock=LockState.LOCKED, asleep=True, user_present=False)


def test_every_value_of_the_body_is_known_by_name() -> None:
    assert [field.name for field in fields(Body)] == [*BODY_FIELDS, *CLOSURES]


def test_every_subject_of_infotainment_has_its_topic() -> None:
    from driveway_bridge.commands.infotainment import SUBJECTS as ASKED

    assert {subject.load().__name__ for subject in ASKED} == SUBJECTS.keys()


def test_at_first_nothing_is_known() -> None:
    known = Knowledge()
    assert list(known) == ["body"]
    assert all(value == {"value": None, "at": None, "source": None} for value in known.document("body").values())
    assert known.get("charge", "battery_percent") == Known()


def test_a_sleeping_car_leaves_its_doors_as_they_were_heard() -> None:
    """Pains 69, 78, 79."""
    known = Knowledge()
    assert known.take_body(AWAKE, "read", 10.0)
    assert known.take_body(ASLEEP, "push", 500.0)
    assert known.get("body", "lock") == Known("locked", 500.0, "push")
    assert known.get("body", "front_trunk") == Known("open", 10.0, "read")
    assert not known.take_body(ASLEEP, "read", 530.0)
    assert known.get("body", "asleep").at == 530.0


def test_a_word_that_is_not_known_is_not_taken_for_the_last_one() -> None:
    known = Knowledge()
    known.take_body(AWAKE, "read", 10.0)
    known.take_body(Body(lock=None, asleep=False, front_trunk=ClosureState.OPEN), "read", 20.0)
    assert known.get("body", "lock") == Known(None, 20.0, "read")
    assert known.get("body", "rear_trunk").value is None


def test_an_answer_of_infotainment_is_a_subject_of_its_own() -> None:
    known = Knowledge()
    charge = Charge(charging=ChargingState.CHARGING)
    assert isinstance(charge, State)
    assert known.take("charge", charge, "read", 5.0)
    assert not known.take("charge", charge, "read", 65.0)
    assert known.document("charge")["charging"] == {"value": "charging", "at": 65.0, "source": "read"}
    assert list(known) == ["body", "charge"]


def test_what_was_remembered_gives_way_to_what_the_car_says() -> None:
    """Pains 75, 80."""
    known = Knowledge()
    known.take_body(ASLEEP, "push", 3.0)
    remembered = {"lock": Known("unlocked", -900.0, FROM_MEMORY), "front_trunk": Known("open", -900.0, FROM_MEMORY)}
    known.restore("body", remembered)
    assert known.get("body", "lock") == Known("locked", 3.0, "push")
    assert known.get("body", "front_trunk") == Known("open", -900.0, FROM_MEMORY)
    assert not known.take_body(ASLEEP, "read", 9.0)
