"""What infotainment's answers mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driveway_bridge.commands import charging, climate, media, read, reply, restrictions, security, table
from driveway_bridge.commands.keys import key_entry, keys_list
from driveway_bridge.errors import Refused, Unanswered
from driveway_bridge.proto import FromVCSECMessage, Response, car_server, vcsec, vehicle
from driveway_bridge.reasons import REASONS
from driveway_bridge.state.body import Body, LockState
from driveway_bridge.state.charge import Charge
from driveway_bridge.state.keys import KeyEntry, KeyList
from driveway_bridge.state.nearby import NearbySites, Pong

ALREADY_SET = bytes.fromhex("0a110801120d0a0b616c72656164795f736574")


def no(text: str) -> bytes:
    status = car_server.ActionStatus(result=car_server.OPERATIONSTATUS_ERROR)
    status.result_reason.plain_text = text
    return Response(actionStatus=status).SerializeToString()


@pytest.mark.parametrize("payload", [b"", bytes.fromhex("0a00")])
def test_yes(payload: bytes) -> None:
    judgement = reply.judge(payload, climate.climate_on())
    assert judgement.reason == "done"
    assert judgement.done
    assert not judgement.unclear


def test_the_published_already_set() -> None:
    judgement = reply.judge(ALREADY_SET, charging.charge_limit(80))
    assert (judgement.reason, judgement.detail) == ("already_so", "already_set")
    assert judgement.done


@pytest.mark.parametrize(
    "text", ["already_standard", "already_max_range", "Already on", "valet mode already off", "already_started"]
)
def test_already_so_is_success(text: str) -> None:
    """Pain 132."""
    assert reply.judge(no(text), charging.charge_standard()).reason == "already_so"


def test_a_button_is_never_already_pressed() -> None:
    assert reply.judge(no("already_playing"), media.media_toggle()).reason == "refused_by_car"


def test_words_that_are_good_news_for_one_command_only() -> None:
    for text in ("is_charging", "charging", "complete"):
        assert reply.judge(no(text), charging.charge_start()).reason == "already_so"
        assert reply.judge(no(text), charging.charge_stop()).reason == "refused_by_car"
    for text in ("not_charging", "is_not_charging"):
        assert reply.judge(no(text), charging.charge_stop()).reason == "already_so"
        assert reply.judge(no(text), charging.charge_start()).reason == "refused_by_car"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not_supported", "not_supported_by_car"),
        ("cabin comfort remote settings not enabled", "comfort_remote_off"),
        ("low_power_mode_enforced", "low_power_mode"),
        ("low_power_mode_low_soc", "low_power_mode"),
        ("parental_controls_active", "parental_controls"),
        ("vehicle not in park", "not_in_park"),
        ("disconnected", "not_plugged_in"),
        ("no_power", "no_charging_power"),
        ("incorrect_pin", "wrong_pin"),
        ("valet_mode_active", "valet_mode"),
        ("could_not_wake_buses", "car_busy"),
        ("insufficient_privileges", "not_permitted"),
        ("", "refused_by_car"),
        ("a reason of the year 2031", "refused_by_car"),
    ],
)
def test_known_words_have_a_reason(text: str, reason: str) -> None:
    judgement = reply.judge(no(text), climate.climate_on())
    assert (judgement.reason, judgement.detail) == (reason, text)
    assert not judgement.done


def test_every_reason_can_be_told_to_people() -> None:
    assert {reason for _, reason in reply._KNOWN} | {"done", "already_so", "not_understood", "refused_by_car"} <= set(
        REASONS
    )


def test_the_cars_words_are_cleaned_and_cut() -> None:
    judgement = reply.judge(no("\x1b[31mred\n" + "x" * 500), climate.climate_on())
    assert judgement.detail.isprintable()
    assert len(judgement.detail) <= reply.MAX_DETAIL


def test_a_result_of_the_future_is_a_no() -> None:
    assert reply.judge(bytes.fromhex("0a020807"), climate.climate_on()).reason == "refused_by_car"


def test_rubbish_leaves_the_fate_open() -> None:
    judgement = reply.judge(b"\xff\xff", climate.climate_on())
    assert judgement.unclear
    assert not judgement.done


@given(payload=st.binary(max_size=200))
def test_any_bytes_are_judged(payload: bytes) -> None:
    assert reply.judge(payload, restrictions.valet_mode(on=False)).reason in REASONS


# Reading --------------------------------------------------------------------------------------------------------------


def test_a_state_is_read_from_its_answer() -> None:
    command = read.charge()
    assert command.state is not None
    data = vehicle.VehicleData(charge_state=vehicle.ChargeState(battery_level=63))
    charge = command.state(Response(vehicleData=data).SerializeToString())
    assert isinstance(charge, Charge)
    assert charge.battery_percent == 63


@pytest.mark.parametrize(
    "name", [name for name, row in table.SPECIFICATIONS.items() if row.reads and name != "key_entry"]
)
def test_no_reading_takes_rubbish_or_another_answer_for_its_own(name: str) -> None:
    state = table.build(name, {}).state
    assert state is not None
    for payload in (b"", b"\xff\xff", bytes.fromhex("0a00"), b"\x22\x00", b"\x12\x00"):
        if name in ("status", "drill") and payload == bytes.fromhex("0a00"):
            continue  # in the body controller's language that is an unlocked car
        with pytest.raises(Unanswered) as caught:
            state(payload)
        assert (caught.value.reason, caught.value.may_have_happened) == ("not_understood", False)


@pytest.mark.parametrize("command", [read.climate(), read.ping(), read.nearby_sites()], ids=lambda c: c.name)
def test_a_reading_can_be_refused(command: object) -> None:
    with pytest.raises(Refused) as caught:
        command.state(no("not_supported"))  # type: ignore[attr-defined]
    assert caught.value.reason == "not_supported_by_car"
    with pytest.raises(Refused) as caught:
        command.state(no("already_reading"))  # type: ignore[attr-defined]
    assert caught.value.reason == "refused_by_car"


@given(payload=st.binary(max_size=200), name=st.sampled_from(sorted(table.SPECIFICATIONS)))
def test_any_bytes_are_a_state_or_an_error(payload: bytes, name: str) -> None:
    row = table.SPECIFICATIONS[name]
    if not row.reads:
        return
    state = table.build(name, {"slot": 0} if name == "key_entry" else {}).state
    assert state is not None
    try:
        state(payload)
    except (Refused, Unanswered) as error:
        assert error.reason in REASONS  # noqa: PT017


def test_body_keys_sites_and_signs_of_life() -> None:
    locked = security.status().state
    listed, entry = keys_list().state, key_entry(1).state
    sites, pong = read.nearby_sites().state, read.ping().state
    assert locked
    assert listed
    assert entry
    assert sites
    assert pong
    body = locked(bytes.fromhex("0a06100118022001"))
    assert isinstance(body, Body)
    assert (body.lock, body.asleep, body.user_present) == (LockState.LOCKED, True, False)
    info = vcsec.WhitelistInfo(numberOfEntries=2, slotMask=0b101)
    found = listed(FromVCSECMessage(whitelistInfo=info).SerializeToString())
    assert isinstance(found, KeyList)
    assert found.slots == (0, 2)
    key = entry(FromVCSECMessage(whitelistEntryInfo=vcsec.WhitelistEntryInfo(slot=1)).SerializeToString())
    assert isinstance(key, KeyEntry)
    assert key.slot == 1
    answer = Response(getNearbyChargingSites=car_server.NearbyChargingSites(congestion_sync_time_utc_secs=9))
    near = sites(answer.SerializeToString())
    assert isinstance(near, NearbySites)
    assert near.stalls_at == 9
    back = pong(Response(ping=car_server.Ping(ping_id=1)).SerializeToString())
    assert isinstance(back, Pong)
    assert back.id == 1
