"""Stories of pairing: a key is presented once, somebody taps a card or does not, and only proof is believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from driveway_bridge.commands import keys
from driveway_bridge.contract import Outcome
from driveway_bridge.enrolment import Enrolment, enrol, list_keys, own_entry, remove_key
from driveway_bridge.errors import NotReached
from driveway_bridge.proto import FromVCSECMessage, UnsignedMessage, VehicleStatus, vcsec
from driveway_bridge.protocol import framing
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.keys import Role
from tests.bridge.played import House, PlayedLink, now
from tests.bridge.protocol.scripted_car import (
    CAR,
    CLIENT,
    Request,
    command_status,
    status,
    told_everybody,
    whitelist_status,
)

pytestmark = pytest.mark.looptime
OTHERS = 2
"""Keys that were there before."""


class Keyring:
    """A car that can be given a key: `tap` is somebody with a card."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.known = False
        self.synchronised = True
        self.presented: list[bytes] = []
        self.says: list[bytes] = []
        """Bare words that follow the presentation at once."""
        self.role = 3
        self.ids_only = False
        self.tells_entries = True
        self.tells_ids = False
        self.asked_for: list[int] = []
        """Slots whose entries were read."""
        self.asleep = False
        hear = house.car.hear

        def hear_all(link: PlayedLink, framed: bytes) -> None:
            (message,) = framing.Unframer().feed(framed, 0.0)
            if message.startswith(b"\x0a"):  # a bare ToVCSECMessage
                self.presented.append(message)
                for word in self.says:
                    link.tell(word)
            else:
                hear(link, framed)

        house.car.hear = hear_all  # type: ignore[method-assign]
        house.car.every = self.answer

    def tap(self, after_s: float) -> None:
        asyncio.get_running_loop().call_later(after_s, setattr, self, "known", True)

    def answer(self, link: PlayedLink, request: Request) -> None:
        car = self.house.car.car
        if request.handshake and request.domain is Domain.INFOTAINMENT:
            if self.known and self.synchronised:
                link.tell(car.session_info(request))
            else:
                link.tell(car.fault(request, 3))
        elif request.handshake:
            link.tell(car.session_info(request, info=None if self.known else b"\x28\x01"))
        elif not request.signed:
            question = UnsignedMessage.FromString(request.message.protobuf_message_as_bytes).InformationRequest
            answer = self.tell(question)
            if answer is not None:
                link.tell(car.plain(request, answer))
        else:
            self.house.car.act(request)
            link.tell(car.sealed(request, whitelist_status(0)))

    def tell(self, question: vcsec.InformationRequest) -> bytes | None:
        if question.informationRequestType == 0:
            return status(VehicleStatus(vehicleSleepStatus=2 if self.asleep else 1))  # type: ignore[arg-type]
        count = OTHERS + self.known
        if question.informationRequestType == 5:
            info = vcsec.WhitelistInfo(numberOfEntries=count, slotMask=(1 << count) - 1)
            for public in [CAR.public] * OTHERS + [CLIENT.public] * self.known if self.tells_ids else []:
                info.whitelistEntries.add().publicKeySHA1 = keys.key_id(public)[:4]
            return FromVCSECMessage(whitelistInfo=info).SerializeToString()
        self.asked_for.append(question.slot)
        if not self.tells_entries:
            return None
        ours = question.slot == OTHERS
        key = CLIENT.public if ours else CAR.public
        entry = vcsec.WhitelistEntryInfo(slot=question.slot, keyRole=self.role if ours else 2)  # type: ignore[arg-type]
        entry.keyId.publicKeySHA1 = keys.key_id(key)[:4]
        if not self.ids_only:
            entry.publicKey.PublicKeyRaw = key
        return FromVCSECMessage(whitelistEntryInfo=entry).SerializeToString()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    await house.vehicle.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in left if "_asyncgen" not in repr(task) and "pytest" not in repr(task)], left


@pytest.fixture
def ring(house: House) -> Keyring:
    return Keyring(house)


async def pair(house: House, timeout_s: float = 120.0) -> Enrolment:
    house.stages = []
    return await enrol(house.vehicle, timeout_s=timeout_s, progress=house.stages.append)


async def test_somebody_taps_a_card(house: House, ring: Keyring) -> None:
    ring.tap(12)
    begun = now()
    enrolment = await pair(house)
    assert enrolment == Enrolment(outcome=Outcome.CONFIRMED, reason="done", role=Role.DRIVER, slot=OTHERS)
    assert ring.presented == [keys.enrolment_request(CLIENT.public)]
    assert house.stages == ["connecting", "presenting", "presented", "known", "synchronised"]
    assert 12 <= now() - begun <= 18
    assert len(house.car.links) == 1


async def test_a_car_that_tells_what_it_waits_for(house: House, ring: Keyring) -> None:
    ring.says = [framing.frame(command_status(1))]
    ring.tap(3)
    enrolment = await pair(house)
    assert enrolment.reason == "done"
    assert house.stages == ["connecting", "presenting", "presented", "card", "known", "synchronised"]


async def test_a_car_that_says_that_it_is_done(house: House, ring: Keyring) -> None:
    """Its word shortens the waiting; the proof is the session info all the same."""
    ring.says = [told_everybody(whitelist_status(0))]
    ring.tap(0.5)
    begun = now()
    assert (await pair(house)).reason == "done"
    assert now() - begun <= 2
    assert house.stages == ["connecting", "presenting", "presented", "confirm", "known", "synchronised"]


async def test_a_car_that_says_so_and_does_not(house: House, ring: Keyring) -> None:
    ring.says = [told_everybody(whitelist_status(0))]
    enrolment = await pair(house, timeout_s=20)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.UNCONFIRMED, "not_enrolled_in_time")


@pytest.mark.parametrize(
    ("information", "reason"), [(25, "card_not_tapped"), (24, "denied_on_screen"), (4, "key_list_full")]
)
async def test_the_car_says_why_not(house: House, ring: Keyring, information: int, reason: str) -> None:
    ring.says = [framing.frame(command_status(1)), framing.frame(whitelist_status(information, 2))]
    begun = now()
    enrolment = await pair(house)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.REFUSED, reason)
    assert now() - begun < 2


async def test_nobody_comes(house: House, ring: Keyring) -> None:
    begun = now()
    enrolment = await pair(house, timeout_s=60)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.UNCONFIRMED, "not_enrolled_in_time")
    assert 58 <= now() - begun <= 66
    assert len(ring.presented) == 1


async def test_a_key_that_is_there_is_not_presented(house: House, ring: Keyring) -> None:
    ring.known = True
    ring.role = 6
    enrolment = await pair(house)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.CONFIRMED, "already_enrolled")
    assert (enrolment.role, enrolment.slot) == (Role.CHARGING_MANAGER, OTHERS)
    assert ring.presented == []


async def test_already_enrolled_says_the_car_after_all(house: House, ring: Keyring) -> None:
    ring.says = [framing.frame(whitelist_status(13, 2))]
    ring.tap(0.5)
    assert (await pair(house)).outcome is Outcome.CONFIRMED


async def test_the_link_breaks_while_the_card_is_looked_for(house: House, ring: Keyring) -> None:
    asyncio.get_running_loop().call_later(3, house.cut)
    ring.tap(9)
    enrolment = await pair(house)
    assert enrolment.reason == "done"
    assert len(ring.presented) == 1
    assert len(house.car.links) == 2


async def test_the_car_is_not_there(house: House, ring: Keyring) -> None:
    def gone() -> None:
        raise NotReached("not_in_range")

    house.car.connect = gone
    enrolment = await pair(house)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.FAILED, "not_in_range")
    assert ring.presented == []


async def test_the_key_cannot_be_handed_over(house: House, ring: Keyring) -> None:
    def gone() -> None:
        raise NotReached("not_in_range")

    def leave(link: PlayedLink, request: Request) -> None:
        ring.answer(link, request)
        link.open = False
        link.cut()
        house.car.connect = gone

    house.car.every = leave
    enrolment = await pair(house)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.FAILED, "not_in_range")


async def test_the_car_is_gone_after_the_key_was_shown(house: House, ring: Keyring) -> None:
    """What may have happened stays open, and the reason is the one that can be mended."""

    def gone() -> None:
        raise NotReached("not_in_range")

    def drive_off() -> None:
        house.car.connect = gone
        house.cut()

    asyncio.get_running_loop().call_later(8, drive_off)
    enrolment = await pair(house, timeout_s=60)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.UNCONFIRMED, "not_in_range")


async def test_our_entry_is_found_without_reading_all(house: House, ring: Keyring) -> None:
    """A list of 20 keys takes 6 s to read over the air, entry by entry."""
    ring.known = ring.tells_ids = True
    entry = await own_entry(house.vehicle)
    assert entry is not None
    assert entry.slot == OTHERS
    assert ring.asked_for == [OTHERS]


async def test_the_rest_of_the_car_learns_it_later(house: House, ring: Keyring) -> None:
    ring.synchronised = False
    ring.tap(2)
    asyncio.get_running_loop().call_later(12, setattr, ring, "synchronised", True)
    enrolment = await pair(house)
    assert enrolment.reason == "done"
    assert house.stages[-2:] == ["known", "synchronised"]


@pytest.mark.parametrize("asleep", [False, True])
async def test_the_rest_of_the_car_does_not_learn_it(house: House, ring: Keyring, asleep: bool) -> None:
    ring.synchronised, ring.asleep = False, asleep
    ring.tap(2)
    begun = now()
    enrolment = await pair(house)
    assert (enrolment.outcome, enrolment.reason) == (Outcome.CONFIRMED, "not_synchronised")
    assert enrolment.role is Role.DRIVER
    assert now() - begun <= 50


async def test_the_role_by_the_short_id(house: House, ring: Keyring) -> None:
    ring.ids_only = True
    ring.tap(1)
    assert (await pair(house)).slot == OTHERS


async def test_a_car_that_does_not_tell_its_keys(house: House, ring: Keyring) -> None:
    ring.tells_entries = False
    ring.tap(1)
    enrolment = await pair(house)
    assert (enrolment.outcome, enrolment.role, enrolment.slot) == (Outcome.CONFIRMED, None, None)


async def test_cancelled(house: House, ring: Keyring) -> None:
    task = asyncio.create_task(pair(house))
    await asyncio.sleep(7)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(30)
    assert len(ring.presented) == 1


async def test_keys_are_listed(house: House, ring: Keyring) -> None:
    execution, entries = await list_keys(house.vehicle)
    assert execution.outcome is Outcome.CONFIRMED
    assert [(entry.slot, entry.role) for entry in entries] == [(0, Role.OWNER), (1, Role.OWNER)]
    assert entries[0].public_key == CAR.public


async def test_keys_of_a_car_that_is_not_there(house: House, ring: Keyring) -> None:
    def gone() -> None:
        raise NotReached("not_in_range")

    house.car.connect = gone
    execution, entries = await list_keys(house.vehicle)
    assert (execution.reason, entries) == ("not_in_range", ())


async def test_a_key_is_removed_with_an_owners(house: House, ring: Keyring) -> None:
    ring.known = True
    execution = await remove_key(house.vehicle, CAR.public)
    assert (execution.outcome, execution.reason) == (Outcome.CONFIRMED, "done")
    assert len(house.car.commands) == 1
