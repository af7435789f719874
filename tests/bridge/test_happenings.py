"""What a bridge tells of its cars, from what it hears: alone, and with another bridge. Time is the loop's and jumps."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from driveway_bridge.boot import Boot
from driveway_bridge.car import Car
from driveway_bridge.contract import Event, Outcome, Result
from driveway_bridge.contract_topics import Topics
from driveway_bridge.link.base import Sighting
from driveway_bridge.mqtt.client import Message
from driveway_bridge.mqtt.happenings import LOCK_WAIT_S, MAX_EVENT, PLACE_WAIT_S, Happenings, Standing
from driveway_bridge.presence import GONE_S
from driveway_bridge.state.drive import Drive, Gear
from tests.bridge.judgement.bodies import body
from tests.bridge.test_poller import Told

pytestmark = pytest.mark.looptime
CAR = "car-00000001"
OWN = Topics("driveway", "bridge-own")
NEIGHBOUR = Topics("driveway", "bridge-other")


class Garage:
    """A car that is watched; `leads` and `company` are as a test says, and `listening` its radio."""

    def __init__(self, *, away: bool = False, status_every_s: float = 30) -> None:
        loop = asyncio.get_running_loop()
        boot = Boot(loop.time)
        self.leads, self.company, self.listening = True, False, True
        self.noted: list[bool] = []
        self.told: list[tuple[str, Event]] = []
        self.happenings = Happenings(OWN, boot, lambda car, event: self.told.append((car, event)))
        self.car = Car(CAR, "Anna", boot, Told())
        standing = Standing(
            leads=lambda: self.leads, company=lambda: self.company, away=away, note_away=self.noted.append
        )
        self.car.observers.append(self.happenings.join(self.car, status_every_s, standing))
        dialer: Any = SimpleNamespace(listening=True, on_sighting=lambda _tell: None, name="bluetooth")
        equipment: Any = SimpleNamespace(dialer=dialer, vehicle=SimpleNamespace(give_back=bool))
        self.dialer = dialer
        self.car.equip(equipment)

    def events(self) -> list[str]:
        return [event.event for _, event in self.told]

    def says(self, *, old_s: float = 0.3, **changes: Any) -> None:
        self.car.heard_body(body(**changes), "read", old_s)

    def calls(self) -> None:
        """The car is heard over the air."""
        now = asyncio.get_running_loop().time()
        self.car.heard_sighting(Sighting(rssi_dbm=-60, at=now, connectable=True))

    def order(self, command: str, client: str | None = None, name: str = "page") -> Any:
        return SimpleNamespace(
            car=self.car,
            command=SimpleNamespace(command=command, id=command),
            asker=SimpleNamespace(name=name, client=client),
        )

    def station(self, order: Any, outcome: Outcome, reason: str | None = None, stage: str | None = None) -> None:
        self.happenings.station(order, Result(id=order.command.id, outcome=outcome, reason=reason, stage=stage))

    def goes(self, command: str) -> Any:
        """A client's command goes to the car; gives its order."""
        order = self.order(command, client="3f0a9c11d2e4b567")
        self.station(order, Outcome.ACCEPTED)
        self.station(order, Outcome.SENT)
        return order

    def done(self, command: str) -> None:
        """The same, and the car confirms it."""
        self.station(self.goes(command), Outcome.CONFIRMED, "done")

    def neighbour(self, event: str, *, retain: bool = False) -> None:
        payload = Event(event=event, boot="other", at=1.0).payload().encode()
        assert self.happenings.takes(Message(NEIGHBOUR.event(CAR), payload, retain))

    async def unheard(self, seconds: float = GONE_S + 20) -> None:
        """Nobody hears the car for so long; the poller looks now and then."""
        for _ in range(int(seconds // 10)):
            await asyncio.sleep(10)
            self.car.look_around()


async def test_a_card_unlocks() -> None:
    garage = Garage()
    garage.says(locked=True)
    assert garage.told == []
    await asyncio.sleep(30)
    garage.says(locked=False)
    [(car, event)] = garage.told
    assert (car, event.event, event.by, event.client, event.at) == (CAR, "unlocked", "other", None, 30.0)


async def test_whoever_gave_the_command_is_named() -> None:
    garage = Garage()
    garage.says(locked=True)
    order = garage.order("unlock", client="3f0a9c11d2e4b567", name="nanny")
    garage.station(order, Outcome.ACCEPTED)
    garage.station(order, Outcome.SENT)
    garage.says(locked=False)  # the car tells by itself, before it answers
    garage.station(order, Outcome.CONFIRMED, "done")
    await asyncio.sleep(10)
    order = garage.order("lock", name="plain")
    garage.station(order, Outcome.ACCEPTED)
    garage.station(order, Outcome.SENT)
    garage.station(order, Outcome.CONFIRMED, "done")
    await asyncio.sleep(0.3)
    garage.says(locked=True)
    told = [(event.event, event.by, event.client) for _, event in garage.told]
    assert told == [("unlocked", "client", "3f0a9c11d2e4b567"), ("locked", "plain", None)]


@pytest.mark.parametrize(
    ("outcome", "reason", "by"),
    [
        (Outcome.UNCONFIRMED, "no_answer", "page"),
        (Outcome.REFUSED, "not_permitted", "other"),
        (Outcome.EXPIRED, "expired", "other"),
        (Outcome.CONFIRMED, "already_so", "other"),
    ],
)
async def test_a_command_that_did_nothing_is_not_blamed(outcome: Outcome, reason: str, by: str) -> None:
    garage = Garage()
    garage.says(locked=True)
    order = garage.order("unlock")
    garage.station(order, Outcome.ACCEPTED)
    garage.station(order, outcome, reason)
    await asyncio.sleep(1)
    garage.says(locked=False)
    assert [event.by for _, event in garage.told] == [by]


async def test_a_pairing_is_followed() -> None:
    garage = Garage()
    order = garage.order("pair", client="3f0a9c11d2e4b567")
    garage.station(order, Outcome.ACCEPTED)
    garage.station(order, Outcome.ACCEPTED, stage="heard")
    garage.station(order, Outcome.SENT, stage="card")
    garage.station(order, Outcome.REFUSED, reason="pairing_timeout")
    assert [(event.event, event.stage) for _, event in garage.told] == [
        ("pairing", "heard"),
        ("pairing", "card"),
        ("pairing", "pairing_timeout"),
    ]


async def test_drives_to_work_and_comes_back() -> None:
    garage = Garage()
    garage.calls()
    garage.says(inside=True)
    await garage.unheard(80)
    assert garage.events() == []
    await garage.unheard()
    assert garage.events() == ["drove_off"]
    assert garage.noted == [True]
    await garage.unheard(3600)
    garage.calls()
    assert garage.events() == ["drove_off", "arrived"]
    assert garage.noted == [True, False]


async def test_a_gear_says_that_it_is_driven() -> None:
    garage = Garage()
    garage.calls()
    garage.says()
    garage.car.heard_state("drive", Drive(gear=Gear.PARK))
    await garage.unheard()
    garage.calls()
    assert garage.events() == []
    garage.car.heard_state("drive", Drive(gear=Gear.REVERSE))
    await garage.unheard()
    assert garage.events() == ["drove_off"]


async def test_a_car_that_is_parked_at_the_edge_of_range_stays_where_it_is() -> None:
    garage = Garage()
    for _ in range(20):
        garage.calls()
        garage.says()
        await garage.unheard()
    assert garage.events() == []


async def test_a_radio_that_has_gone_deaf_proves_nothing() -> None:
    garage = Garage()
    garage.calls()
    garage.says(inside=True)
    garage.dialer.listening = False
    garage.car._note_link(reachable=False, why_not="radio_deaf")
    await garage.unheard(1000)
    assert garage.events() == []


async def test_a_way_that_cannot_tell_who_is_near() -> None:
    """Over TCP the car has gone when it does not answer for long."""
    garage = Garage()
    garage.dialer.listening = False
    garage.says(inside=True)
    garage.car._note_link(reachable=False, why_not="no_connection")
    await asyncio.sleep(GONE_S / 2)
    garage.says(inside=True)
    await asyncio.sleep(GONE_S)
    assert garage.events() == []
    garage.car._note_link(reachable=False, why_not="no_connection")
    await asyncio.sleep(GONE_S + 1)
    assert garage.events() == ["drove_off"]
    garage.says()
    assert garage.events() == ["drove_off", "arrived"]


async def test_a_restart_invents_nothing() -> None:
    garage = Garage(away=True)
    garage.calls()
    garage.says(locked=False, inside=True)
    assert garage.events() == []
    assert garage.noted == [False]


# With another bridge --------------------------------------------------------------------------------------------------


async def test_the_one_that_looks_after_the_car_tells() -> None:
    garage = Garage()
    garage.company = True
    garage.says(locked=True)
    garage.says(locked=False)
    assert garage.events() == []  # the other one may have done it
    await asyncio.sleep(LOCK_WAIT_S + 0.1)
    assert garage.events() == ["unlocked"]
    garage.leads = False
    garage.says(locked=True)
    await asyncio.sleep(LOCK_WAIT_S + 0.1)
    assert garage.events() == ["unlocked"]


async def test_the_one_that_did_it_tells_and_the_other_is_silent() -> None:
    garage = Garage()
    garage.company = True
    garage.says(locked=True)
    garage.says(locked=False)
    await asyncio.sleep(LOCK_WAIT_S / 2)
    garage.neighbour("unlocked")
    await asyncio.sleep(LOCK_WAIT_S)
    assert garage.events() == []
    # The other way round: the word comes before this bridge has asked.
    await asyncio.sleep(10)
    garage.neighbour("locked")
    await asyncio.sleep(15)
    garage.says(locked=True)
    await asyncio.sleep(LOCK_WAIT_S + 0.1)
    assert garage.events() == []
    # What lay stored is no word.
    garage.neighbour("unlocked", retain=True)
    garage.says(locked=False)
    await asyncio.sleep(LOCK_WAIT_S + 0.1)
    assert garage.events() == ["unlocked"]


async def unlocked_by_the_neighbour() -> Garage:
    """A locked car of which the other bridge has just told that it is unlocked."""
    garage = Garage()
    garage.company = True
    garage.says(locked=True)
    await asyncio.sleep(10)
    garage.neighbour("unlocked")
    return garage


async def test_an_answer_that_was_under_way_for_long_is_not_what_followed_the_neighbours_word() -> None:
    garage = await unlocked_by_the_neighbour()
    await asyncio.sleep(5)
    garage.says(locked=True, old_s=5.2)
    await asyncio.sleep(LOCK_WAIT_S + 0.1)
    garage.says(locked=False)
    await asyncio.sleep(LOCK_WAIT_S + 0.1)
    assert garage.events() == []


async def test_what_was_done_here_right_after_the_neighbours_word_is_told_at_once() -> None:
    garage = await unlocked_by_the_neighbour()
    await asyncio.sleep(0.3)
    garage.done("lock")
    garage.says(locked=True)
    assert [(event.event, event.by) for _, event in garage.told] == [("locked", "client")]


async def test_a_follower_tells_of_its_own_commands() -> None:
    garage = Garage()
    garage.company, garage.leads = True, False
    garage.says(locked=True)
    await asyncio.sleep(280)  # it asks a tenth as often
    garage.goes("unlock")
    garage.says(locked=False)
    assert [(event.event, event.by) for _, event in garage.told] == [("unlocked", "client")]


async def test_a_follower_that_saw_nothing_of_what_the_other_did_tells_of_its_own_command() -> None:
    garage = Garage()
    garage.company, garage.leads = True, False
    garage.says(locked=True)
    for event in ("unlocked", "locked"):
        await asyncio.sleep(4)
        garage.neighbour(event)
    await asyncio.sleep(4)
    garage.goes("unlock")
    await asyncio.sleep(0.3)
    garage.says(locked=False)
    assert [(event.event, event.by) for _, event in garage.told] == [("unlocked", "client")]


async def test_a_follower_takes_back_what_it_has_only_heard_of() -> None:
    """It was unlocked through the other bridge and is locked through this one, which looks rarely."""
    garage = Garage()
    garage.company, garage.leads = True, False
    garage.says(locked=True)
    await asyncio.sleep(4)
    garage.neighbour("unlocked")
    await asyncio.sleep(4)
    garage.done("lock")
    await asyncio.sleep(0.3)
    garage.says(locked=True)
    assert [(event.event, event.by) for _, event in garage.told] == [("locked", "client")]


async def test_what_another_bridge_has_told_is_not_told_again_for_a_command_that_changes_nothing() -> None:
    garage = Garage()
    garage.company, garage.leads = True, False
    garage.says(locked=True)
    await asyncio.sleep(4)
    garage.neighbour("unlocked")
    await asyncio.sleep(4)
    garage.done("unlock")
    await asyncio.sleep(0.3)
    garage.says(locked=False)
    assert garage.events() == []


@pytest.mark.parametrize("before_s", [None, 400])
async def test_who_does_not_know_how_it_was_tells_of_its_own_command_where_another_may_have_seen_it(
    before_s: float | None,
) -> None:
    """Else the other one would say that somebody else did it."""
    garage = Garage()
    garage.company = True
    if before_s is not None:
        garage.says(locked=True)
        await asyncio.sleep(before_s)
    garage.done("unlock")
    await asyncio.sleep(0.3)
    garage.says(locked=False)
    assert [(event.event, event.by) for _, event in garage.told] == [("unlocked", "client")]


async def test_a_first_word_is_no_event_alone_or_long_after_a_command() -> None:
    garage = Garage()
    garage.company = True
    garage.done("unlock")
    await asyncio.sleep(LOCK_WAIT_S + 1)
    garage.says(locked=False)
    alone = Garage()
    alone.done("unlock")
    alone.says(locked=False)
    await asyncio.sleep(LOCK_WAIT_S + 1)
    assert garage.events() == alone.events() == []


async def test_it_is_out_of_range_here_and_the_other_bridge_takes_over() -> None:
    garage = Garage()
    garage.company = True
    garage.calls()
    garage.says(inside=True)
    await garage.unheard()
    garage.leads = False
    await asyncio.sleep(PLACE_WAIT_S + 1)
    assert garage.events() == []


async def test_the_other_bridge_saw_it_leave() -> None:
    garage = Garage()
    garage.calls()
    garage.neighbour("drove_off")  # but it is heard here
    await garage.unheard()
    garage.neighbour("drove_off")
    assert garage.noted == [True]
    garage.calls()
    assert garage.events() == ["arrived"]
    await garage.unheard()
    garage.neighbour("drove_off")
    garage.neighbour("arrived")
    garage.calls()
    assert garage.events() == ["arrived"]


async def test_over_tcp_the_car_is_reached_here_whatever_another_bridge_says() -> None:
    garage = Garage()
    garage.dialer.listening = False
    garage.says()
    garage.neighbour("drove_off")
    garage.car._note_link(linked=True)
    assert garage.events() == []
    assert garage.noted == []


async def test_nothing_is_told_of_a_car_that_has_gone_from_the_configuration() -> None:
    garage = Garage()
    garage.company = True
    garage.says(locked=True)
    garage.says(locked=False)
    garage.happenings.part(CAR)
    garage.happenings.part(CAR)
    garage.neighbour("unlocked")
    garage.station(garage.order("lock"), Outcome.ACCEPTED)
    garage.company = False
    garage.says(locked=True)
    await asyncio.sleep(LOCK_WAIT_S + 1)
    assert garage.events() == []
    garage.happenings.close()


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"event": 1}', b'{"event": "flew"}', b" " * (MAX_EVENT + 1)])
async def test_what_is_no_event_is_nobodys(payload: bytes) -> None:
    garage = Garage()
    assert garage.happenings.takes(Message(NEIGHBOUR.event(CAR), payload, retain=False))
    assert garage.happenings.takes(Message(OWN.event(CAR), payload, retain=False))
    garage.says(locked=True)
    garage.says(locked=False)
    assert garage.events() == ["unlocked"]


@pytest.mark.parametrize(
    "topic", ["driveway/a/b/command", "driveway/a/b/c/event", "other/a/b/event", "driveway/a/event"]
)
async def test_other_topics_are_for_others(topic: str) -> None:
    assert not Garage().happenings.takes(Message(topic, b"", retain=False))
