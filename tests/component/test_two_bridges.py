"""Two bridges with keys of one car: a click goes to the one that did well lately, and moves on where that cannot."""

import asyncio
from collections.abc import Callable

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from tests.component.conftest import Press, household
from tests.component.fake_bridge import ANNA, OTHER_CODE, FakeBridge

from custom_components.driveway import commands, delivery
from custom_components.driveway.contract import LOCK_TTL_S, Command, Outcome
from custom_components.driveway.coordinator import Coordinator
from custom_components.driveway.handover import ELSEWHERE, FAR_S, RECENT_S, USUAL_S, Record, expected_s, may_go_on
from custom_components.driveway.reasons import REASONS

SILENT_S = 0.5


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (commands, delivery):
        monkeypatch.setattr(module, "ACCEPTED_WITHIN_S", SILENT_S)


@pytest.fixture
def carport(bridge: FakeBridge) -> FakeBridge:
    """The first of the two; as both are the same to the car, it is asked first."""
    return bridge


@pytest.fixture
async def garage(hass: HomeAssistant, carport: FakeBridge) -> FakeBridge:
    """The second one, with a code of its own; both are there, and have heard that Anna is locked."""
    garage = FakeBridge(hass, name="Garage", code=OTHER_CODE, bridge="bridge-2")
    await garage.listen()
    entry = household([carport, garage], ANNA)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await carport.come_up()
    await garage.come_up()
    return garage


def names(bridge: FakeBridge) -> list[str]:
    return [command.command for command in bridge.commands]


def state(hass: HomeAssistant) -> str:
    current = hass.states.get("lock.anna")
    assert current is not None
    return current.state


def vanish(bridge: FakeBridge) -> Callable[[Command], None]:
    """The power is cut when the command has just arrived."""
    return lambda _command: bridge.offline()


def left(bridge: FakeBridge) -> Callable[[Command], None]:
    """The car was asked, and nothing came back."""

    def ending(command: Command) -> None:
        bridge.result(command, Outcome.SENT)
        bridge.result(command, Outcome.UNCONFIRMED, "link_lost")

    return ending


async def test_one_is_enough_where_all_is_well(carport: FakeBridge, garage: FakeBridge, press: Press) -> None:
    for service in ("unlock", "lock"):
        await press(service)
    assert (names(carport), names(garage)) == (["unlock", "lock"], [])


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.FAILED, "not_in_range"),
        (Outcome.FAILED, "no_connection"),
        (Outcome.FAILED, "places_full"),
        (Outcome.FAILED, "radio_deaf"),
        (Outcome.REFUSED, "key_not_enrolled"),
        (Outcome.REFUSED, "stopping"),
        (Outcome.REFUSED, "unknown_client"),
        (Outcome.UNCONFIRMED, "no_answer"),
    ],
)
async def test_what_one_cannot_do_the_other_does(
    hass: HomeAssistant, carport: FakeBridge, garage: FakeBridge, press: Press, outcome: Outcome, reason: str
) -> None:
    carport.end(outcome, reason)
    await press("unlock")
    assert (names(carport), names(garage)) == (["unlock"], ["unlock"])
    assert state(hass) == "unlocked"
    [first], [second] = carport.commands, garage.commands
    assert (second.client, second.id != first.id) == (garage.signer.client, True)  # signed anew, with its own code
    assert second.ttl <= first.ttl


@pytest.mark.parametrize("happens", [lambda bridge: bridge.ignore, lambda bridge: bridge.accept, vanish, left])
async def test_one_goes_away_with_the_command(
    hass: HomeAssistant,
    carport: FakeBridge,
    garage: FakeBridge,
    press: Press,
    happens: Callable[[FakeBridge], Callable[[Command], None]],
) -> None:
    """Silent, at it for long, without power, or without the car's answer: a lock does the same twice as once."""
    carport.on_command = happens(carport)
    async with asyncio.timeout(SILENT_S * 10):
        await press("unlock")
    assert (names(carport), names(garage)) == (["unlock"], ["unlock"])
    assert state(hass) == "unlocked"


async def test_what_left_for_the_car_is_waited_for(carport: FakeBridge, garage: FakeBridge, press: Press) -> None:
    def later(command: Command) -> None:
        carport.result(command, Outcome.SENT)
        carport.hass.loop.call_later(SILENT_S * 4, carport.confirm, command)

    carport.on_command = later
    await press("unlock")
    assert names(garage) == []


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("closures_open", "A door or lid is open"),
        ("too_often", "This client has given as many"),
        ("superseded", "A lat"),
    ],
)
async def test_what_the_car_refuses_and_the_owner_forbids_is_not_tried_elsewhere(
    carport: FakeBridge, garage: FakeBridge, press: Press, reason: str, said: str
) -> None:
    carport.end(Outcome.REFUSED, reason)
    with pytest.raises(HomeAssistantError, match=said):
        await press("lock")
    assert names(garage) == []


async def test_nobody_can(carport: FakeBridge, garage: FakeBridge, press: Press) -> None:
    carport.end(Outcome.FAILED, "places_full")
    garage.end(Outcome.FAILED, "not_in_range")
    with pytest.raises(HomeAssistantError, match="All three Bluetooth places"):
        await press("unlock")


async def test_the_word_of_the_car_is_what_is_told(carport: FakeBridge, garage: FakeBridge, press: Press) -> None:
    carport.end(Outcome.FAILED, "not_in_range")
    garage.end(Outcome.REFUSED, "closures_open")
    with pytest.raises(HomeAssistantError, match="A door or lid is open"):
        await press("lock")


async def test_an_unlock_that_was_given_up_is_not_begun_anew(
    hass: HomeAssistant, carport: FakeBridge, garage: FakeBridge
) -> None:
    coordinator: Coordinator = hass.config_entries.async_entries("driveway")[0].runtime_data
    carport.on_command = carport.ignore
    with pytest.raises(HomeAssistantError, match="The bridge did not answer"):
        await coordinator.async_command(ANNA.id, "unlock", ttl_s=SILENT_S + 0.3)
    assert names(garage) == []


async def test_all_attempts_together_live_no_longer_than_the_click(
    carport: FakeBridge, garage: FakeBridge, press: Press
) -> None:
    carport.on_command = carport.ignore
    garage.on_command = garage.ignore
    with pytest.raises(HomeAssistantError, match="The bridge did not answer"):
        await press("unlock")
    [first], [second] = carport.commands, garage.commands
    assert first.ttl <= LOCK_TTL_S
    assert second.ttl <= LOCK_TTL_S - SILENT_S + 0.01  # it is told in hundredths


async def test_a_toggle_moves_on_only_when_it_was_certainly_not_sent(
    hass: HomeAssistant, carport: FakeBridge, garage: FakeBridge
) -> None:
    coordinator: Coordinator = hass.config_entries.async_entries("driveway")[0].runtime_data
    garage.end(Outcome.CONFIRMED, "done")
    garage.link(reachable=True, signal_dbm=-95)
    carport.link(reachable=True, linked=True)
    for unsure in (carport.ignore, vanish(carport), left(carport)):
        carport.on_command = unsure
        carport.online()
        carport.tell_clock()
        with pytest.raises(HomeAssistantError):
            await coordinator.async_command(ANNA.id, "frunk_open")
        coordinator.household.bridges[carport.info.bridge].records.clear()
    assert (len(carport.commands), names(garage)) == (3, [])
    carport.online()
    carport.tell_clock()
    carport.end(Outcome.FAILED, "no_connection")
    await coordinator.async_command(ANNA.id, "frunk_open")
    assert (len(carport.commands), names(garage)) == (4, ["frunk_open"])


async def test_a_lock_follows_an_unlock_wherever_that_may_still_be(
    carport: FakeBridge, garage: FakeBridge, press: Press
) -> None:
    """The carport hangs with an unlock; when it goes on it must find the lock that was given after it."""
    carport.on_command = carport.ignore
    await press("unlock")
    await press("lock")
    assert names(garage) == ["unlock", "lock"]
    assert names(carport) == ["unlock", "lock"]
    garage.offline()
    carport.on_command = carport.confirm
    await press("lock")
    assert names(carport) == ["unlock", "lock", "lock"]


async def test_what_follows_an_unlock_does_not_wait_for_a_clock(
    carport: FakeBridge, garage: FakeBridge, press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The carport hangs, and tells no clock: it must find the lock all the same when it goes on."""
    carport.on_command = carport.ignore
    await press("unlock")
    monkeypatch.setattr(commands, "CLOCK_LASTS_S", 0.0)
    carport.answers_clock = False
    await press("lock")
    assert names(carport) == ["unlock", "lock"]


async def test_an_unlock_does_not_move_on_after_a_later_lock(
    carport: FakeBridge, garage: FakeBridge, press: Press
) -> None:
    carport.on_command = lambda command: carport.result(command, Outcome.SENT)
    unlocking = carport.hass.async_create_task(press("unlock"))
    await carport.asked.wait()
    carport.link(reachable=False, why_not="not_in_range")
    await press("lock")
    assert (names(carport), names(garage)) == (["unlock", "lock"], ["lock"])  # one that is under way is followed, too
    carport.result(carport.commands[0], Outcome.FAILED, "no_connection")
    with pytest.raises(HomeAssistantError, match="no connection came about"):
        await unlocking
    assert names(garage) == ["lock"]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("windows_vent", "windows_close"),
        ("trunk_open", "trunk_close"),
        ("sunroof_open", "sunroof_close"),
        ("tonneau_open", "tonneau_stop"),
        ("charge_port_open", "charge_port_close_direct"),
        ("climate_on", "climate_off"),
        ("charge_start", "charge_stop"),
    ],
)
async def test_nothing_moves_on_after_what_undoes_it(
    hass: HomeAssistant, carport: FakeBridge, garage: FakeBridge, earlier: str, later: str
) -> None:
    coordinator: Coordinator = hass.config_entries.async_entries("driveway")[0].runtime_data
    carport.on_command = carport.accept
    opening = hass.async_create_task(coordinator.async_command(ANNA.id, earlier))
    await carport.asked.wait()
    carport.link(reachable=False, why_not="not_in_range")
    await coordinator.async_command(ANNA.id, later)
    carport.result(carport.commands[0], Outcome.FAILED, "no_connection")
    with pytest.raises(HomeAssistantError):
        await opening
    assert names(garage) == [later]


async def test_what_a_bridge_may_still_begin_with_is_kept_while_others_are_asked(
    hass: HomeAssistant, carport: FakeBridge, garage: FakeBridge, press: Press
) -> None:
    """Two presses at once: the first one ends silently, the second one well and after it."""
    coordinator: Coordinator = hass.config_entries.async_entries("driveway")[0].runtime_data
    carport.on_command = carport.ignore
    unlocking = hass.async_create_task(
        coordinator.async_command(ANNA.id, "unlock", ttl_s=SILENT_S + 4, bridge=carport.info.bridge)
    )
    await carport.asked.wait()
    garage.on_command = garage.accept
    locking = hass.async_create_task(coordinator.async_command(ANNA.id, "lock", bridge=garage.info.bridge))
    with pytest.raises(HomeAssistantError):
        await unlocking
    assert coordinator.commands.loose_s(ANNA.id, "lock") > 0
    garage.confirm(garage.commands[0])
    await locking
    assert coordinator.commands.loose_s(ANNA.id, "lock") > 0


async def test_who_did_badly_is_asked_second_for_a_while(carport: FakeBridge, garage: FakeBridge, press: Press) -> None:
    carport.end(Outcome.FAILED, "no_connection")
    await press("unlock")
    carport.on_command = carport.confirm
    await press("lock")
    assert (names(carport), names(garage)) == (["unlock"], ["unlock", "lock"])


async def test_the_car_s_last_word_is_shown_whoever_heard_it(
    hass: HomeAssistant, carport: FakeBridge, garage: FakeBridge
) -> None:
    """One looks after the car, the other one's values grow old. Commands may go through either."""
    garage.now += 60
    garage.tell_clock()
    garage.body(lock="unlocked")
    await hass.async_block_till_done()
    # The clocks of the two do not go alike: what counts is when it was, as Home Assistant's own clock has it.
    assert state(hass) == "unlocked"
    garage.link(reachable=False, why_not="not_in_range")
    assert state(hass) == "unlocked"
    garage.offline()
    assert state(hass) == "unlocked"
    garage.online()
    carport.now += 500
    carport.body(lock="locked")
    await hass.async_block_till_done()
    assert state(hass) == "locked"


def test_the_score_is_made_of_what_happened_lately() -> None:
    good, bad, slow = Record(), Record(), Record()
    for at in (0.0, 10.0):
        good.note(at, 0.4)
        slow.note(at, 3.0)
    bad.note(0.0, 0.4)
    bad.note(10.0, None)

    def score(record: Record, now: float = 20.0, clock_age_s: float | None = 1.0) -> float:
        return expected_s(record, None, clock_age_s, now)

    assert score(good) < score(Record()) < score(slow)
    assert score(good) < score(bad)
    assert score(bad, RECENT_S + 20.0) == score(Record()) == score(Record(), clock_age_s=None) - FAR_S
    assert score(Record()) >= USUAL_S


def test_reasons_are_those_of_the_table() -> None:
    assert REASONS.keys() >= ELSEWHERE
    assert not may_go_on("lock", "eaten_by_a_dog", sent=False)
