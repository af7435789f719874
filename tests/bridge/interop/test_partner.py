"""The partner meets the car: sessions, data, sleep, faults, new keys. docs/interop.md lists these cases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("tesla_fleet_api", minversion="1.18", reason="the partner needs Python 3.13 or later")

from tesla_fleet_api.const import BluetoothVehicleData
from tesla_fleet_api.exceptions import (
    BluetoothTimeout,
    BluetoothTransportError,
    BluetoothUnconfirmedCommand,
    NotOnWhitelistFault,
    SessionInfoAuthenticationFault,
    TeslaFleetMessageFaultBusy,
    TeslaFleetMessageFaultInternal,
    TeslaFleetMessageFaultResponseSizeExceedsMTU,
    TeslaFleetMessageFaultUnknownKeyId,
    WhitelistOperationAttemptingToAddExistingKey,
    WhitelistOperationLocalEntityAuthFailedTimedOutWaitingForTap,
    WhitelistOperationLocalEntityAuthFailedUIDenied,
)

from driveway_bridge.proto import Role
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.simulator.car import OPEN
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.live import LiveCar
from driveway_bridge.simulator.profiles import Profile
from tests.bridge.interop.conftest import Partner
from tests.bridge.simulator.raw_client import Watch

DONE = {"response": {"result": True, "reason": ""}}


def switch(live: LiveCar, fault: Fault, *, on: bool = True, once: bool = False) -> None:
    live.do(lambda: live.virtual.switch(fault, on=on, once=once))


def count(events: Watch, name: str) -> int:
    return sum(event["event"] == name for event in events)


# Sessions


async def test_handshakes_with_both_domains(partner: Partner) -> None:
    await partner.handshakeVehicleSecurity()
    await partner.handshakeInfotainment()
    assert all(session.ready for session in partner._sessions.values())


async def test_lock_and_unlock_with_one_handshake(partner: Partner, live: LiveCar, events: Watch) -> None:
    assert await partner.door_unlock() == DONE
    assert live.virtual.car.facts()["locked"] is False
    assert await partner.door_lock() == DONE
    assert live.virtual.car.facts()["locked"] is True
    assert count(events, "handshake") == 1


async def test_key_that_the_car_does_not_know(stranger: Partner) -> None:
    with pytest.raises(NotOnWhitelistFault):
        await stranger.door_unlock()
    with pytest.raises(TeslaFleetMessageFaultUnknownKeyId):
        await stranger.handshakeInfotainment()


async def test_status_without_a_key(stranger: Partner, live: LiveCar) -> None:
    live.do(lambda: live.virtual.car.move("rear_trunk", OPEN, "hand"))
    with pytest.raises(NotOnWhitelistFault):
        await stranger.vehicle_state()  # which this client signs, although the car would tell everybody


async def test_reboot_heals_without_a_handshake(partner: Partner, live: LiveCar, events: Watch) -> None:
    await partner.door_unlock()
    await partner.set_charge_limit(70)
    live.do(live.virtual.reboot)
    assert await partner.door_lock() == DONE
    assert await partner.set_charge_limit(75) == DONE
    assert live.virtual.car.locked
    assert live.virtual.car.charging.limit == 75
    assert count(events, "handshake") == 2
    assert [event["code"] for event in events if event["event"] == "refused"] == [15, 15]


async def test_counter_that_was_used(partner: Partner, live: LiveCar, events: Watch) -> None:
    await partner.door_unlock()
    partner._sessions[Domain.VEHICLE_SECURITY].counter -= 1
    assert await partner.door_lock() == DONE
    assert live.virtual.car.locked
    assert [event["code"] for event in events if event["event"] == "refused"] == [6]


async def test_replayed_message_does_nothing(partner: Partner, live: LiveCar, monkeypatch: pytest.MonkeyPatch) -> None:
    await partner.connect()
    client = partner.client
    assert client is not None
    write = client.write_gatt_char
    written: list[bytearray] = []

    async def tap(uuid: str, payload: bytearray, response: bool) -> None:
        written.append(payload)
        await write(uuid, payload, response)

    monkeypatch.setattr(client, "write_gatt_char", tap)
    await partner.door_unlock()
    live.do(lambda: live.virtual.car.lock("hand"))
    await write("00000212-b2d1-43f0-9b88-960cebf8b91e", written[-1], True)
    await partner.ping()
    assert live.virtual.car.locked


async def test_changed_key_of_the_car(partner: Partner, live: LiveCar) -> None:
    await partner.door_unlock()
    switch(live, Fault.CHANGED_CAR_KEY)
    assert await partner.door_lock() == DONE
    assert live.virtual.car.locked


async def test_session_information_with_a_wrong_tag(partner: Partner, live: LiveCar) -> None:
    switch(live, Fault.WRONG_TAG_SESSION_INFO, once=True)
    assert await partner.door_unlock() == DONE


# Data

READERS: dict[str, Callable[[Partner], Awaitable[Any]]] = {
    "charge": lambda p: p.charge_state(),
    "climate": lambda p: p.climate_state(),
    "drive": lambda p: p.drive_state(),
    "location": lambda p: p.location_state(),
    "closures": lambda p: p.closures_state(),
    "charge schedules": lambda p: p.charge_schedule_state(),
    "preconditioning schedules": lambda p: p.preconditioning_schedule_state(),
    "tires": lambda p: p.tire_pressure_state(),
    "media": lambda p: p.media_state(),
    "media details": lambda p: p.media_detail_state(),
    "software": lambda p: p.software_update_state(),
    "parental controls": lambda p: p.parental_controls_state(),
    "settings of the screen": lambda p: p.gui_settings(),
    "configuration": lambda p: p.vehicle_config(),
    "vehicle": lambda p: p.current_vehicle_state(),
    "vehicle, old": lambda p: p.legacy_vehicle_state(),
    "details": lambda p: p.vehicle_detail_state(),
    "screen": lambda p: p.display_state(),
}


async def test_all_categories_of_data(partner: Partner) -> None:
    for name, read in READERS.items():
        state = await read(partner)
        assert state.ByteSize() > 0, name


async def test_two_categories_are_too_many(partner: Partner) -> None:
    with pytest.raises(TeslaFleetMessageFaultResponseSizeExceedsMTU):
        await partner.vehicle_data([BluetoothVehicleData.CHARGE_STATE, BluetoothVehicleData.CLIMATE_STATE])
    data = await partner.vehicle_data([BluetoothVehicleData.CHARGE_STATE])
    assert data.charge_state.battery_level == 62


async def test_status_of_the_body(partner: Partner, live: LiveCar) -> None:
    live.do(lambda: live.virtual.car.move("rear_trunk", OPEN, "hand"))
    status = await partner.vehicle_state()
    assert (status.vehicleLockState, status.vehicleSleepStatus, status.userPresence) == (1, 1, 1)
    assert status.closureStatuses.rearTrunk == 1
    live.do(lambda: live.virtual.car.sleep("hand"))
    status = await partner.vehicle_state()
    assert status.vehicleSleepStatus == 2
    assert not status.HasField("closureStatuses")


async def test_broadcasts(partner: Partner, live: LiveCar) -> None:
    locks: asyncio.Queue[int] = asyncio.Queue()
    trunks: asyncio.Queue[int] = asyncio.Queue()
    partner.listen_vehicle_lock_state(locks.put_nowait)
    partner.listen_rear_trunk(trunks.put_nowait)
    await partner.connect()
    live.do(lambda: live.virtual.car.unlock("hand"))
    live.do(lambda: live.virtual.car.move("rear_trunk", OPEN, "hand"))
    async with asyncio.timeout(5):
        assert await locks.get() == 0
        while await trunks.get() != OPEN:
            pass


# Sleep


class TestSleep:
    @pytest.fixture
    def profile(self) -> Profile:
        return Profile(boot_s=1.0)

    async def test_lock_does_not_wake(self, partner: Partner, live: LiveCar) -> None:
        live.do(lambda: live.virtual.car.sleep("hand"))
        assert await partner.door_unlock() == DONE
        assert live.virtual.car.asleep

    async def test_wake_and_wait(self, partner: Partner, live: LiveCar) -> None:
        live.do(lambda: live.virtual.car.sleep("hand"))
        assert await partner.wake_up(wait=True, timeout=20) == DONE
        assert not live.virtual.car.asleep
        assert (await partner.charge_state()).battery_level == 62

    async def test_command_wakes_by_itself(self, partner: Partner, live: LiveCar) -> None:
        live.do(lambda: live.virtual.car.sleep("hand"))
        partner._default_timeout = 0.5
        assert await partner.set_charge_limit(70) == DONE
        assert live.virtual.car.charging.limit == 70

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault.BOOT_BUSY, TeslaFleetMessageFaultBusy),
            (Fault.BOOT_INTERNAL, TeslaFleetMessageFaultInternal),
        ],
    )
    async def test_busy_while_it_starts(
        self, partner: Partner, live: LiveCar, fault: Fault, error: type[BaseException]
    ) -> None:
        live.do(lambda: live.virtual.car.sleep("hand"))
        await partner.handshakeVehicleSecurity()
        await partner.wake_up()
        switch(live, fault)
        with pytest.raises(error):
            await partner.handshakeInfotainment()


# Faults


async def test_lost_acknowledgement(partner: Partner, live: LiveCar, events: Watch) -> None:
    """The push of the new state is what tells the partner that it was done."""
    await partner.handshakeVehicleSecurity()
    switch(live, Fault.LOST_ACK)
    assert await partner.door_unlock() == DONE
    assert count(events, "command") == 1


async def test_busy(partner: Partner, live: LiveCar, events: Watch) -> None:
    await partner.handshakeVehicleSecurity()
    switch(live, Fault.BUSY, once=True)
    assert await partner.door_unlock() == DONE
    assert not live.virtual.car.locked


@pytest.mark.parametrize(
    "fault",
    [
        Fault.FOREIGN_REPLY,
        Fault.GARBAGE_BEFORE_REPLY,
        Fault.FRAGMENT_ONE_BYTE,
        Fault.MERGED_FRAMES,
        Fault.BARE_FRAMES,
        Fault.THREE_PART_REPLY,
        Fault.ENCRYPTED_ACK,
        Fault.PLAINTEXT_REPLIES,
        Fault.NO_PUSH,
        Fault.REBOOT_ON_NEXT,
        Fault.FUTURE_VALUES,
        Fault.STATUS_WITHOUT_CLOSURES,
    ],
)
async def test_faults_that_the_partner_does_not_mind(partner: Partner, live: LiveCar, fault: Fault) -> None:
    switch(live, fault)
    assert await partner.door_unlock() == DONE
    assert not live.virtual.car.locked
    assert (await partner.climate_state()).inside_temp_celsius == pytest.approx(14.0, abs=0.2)


async def test_replies_that_come_twice(partner: Partner, live: LiveCar) -> None:
    """Only the partner's handshakes mind: a second copy, which comes after the next request, makes that one fail."""
    await partner.handshakeVehicleSecurity()
    await partner.handshakeInfotainment()
    switch(live, Fault.DUPLICATE_REPLY)
    assert await partner.door_unlock() == DONE
    assert (await partner.charge_state()).battery_level == 62


async def test_handshakes_that_are_answered_twice(partner: Partner, live: LiveCar) -> None:
    switch(live, Fault.DUPLICATE_REPLY)
    with pytest.raises(SessionInfoAuthenticationFault):
        await partner.door_unlock()
    switch(live, Fault.DUPLICATE_REPLY, on=False)
    assert await partner.door_unlock() == DONE


async def test_silent_car(partner: Partner, live: LiveCar) -> None:
    await partner.handshakeVehicleSecurity()
    switch(live, Fault.SILENT)
    partner._actuation_timeout = 0.3
    partner.raise_unconfirmed = True
    with pytest.raises(BluetoothUnconfirmedCommand):
        await partner.door_unlock()
    assert live.virtual.car.locked


async def test_car_hangs_up_and_the_partner_comes_again(partner: Partner, live: LiveCar) -> None:
    await partner.door_unlock()
    gone = asyncio.Event()
    partner.listen_connection_status(lambda connected: None if connected else gone.set())
    live.drop()
    async with asyncio.timeout(5):
        await gone.wait()
    assert await partner.door_lock() == DONE
    assert live.virtual.car.locked


async def test_no_place_is_free(partner: Partner, live: LiveCar) -> None:
    switch(live, Fault.PLACES_FULL)
    with pytest.raises(BluetoothTransportError):
        await partner.connect(max_attempts=1)
    switch(live, Fault.PLACES_FULL, on=False)
    assert await partner.door_unlock() == DONE


# New keys


async def until_prompt(events: Watch, number: int = 1) -> None:
    await events.until("enrolment", number)


async def test_pairing_by_card(stranger: Partner, live: LiveCar, events: Watch) -> None:
    switch(live, Fault.NO_CARD_WAIT)
    pairing = asyncio.create_task(stranger.pair(role=Role.ROLE_DRIVER, timeout=20, poll_interval=0.2))
    await until_prompt(events)
    live.do(lambda: live.virtual.enrolment.tap(live.now))
    live.do(lambda: live.virtual.enrolment.confirm(live.now))
    await pairing
    assert await stranger.door_unlock() == DONE
    (entry,) = live.virtual.whitelist
    assert (entry.role, entry.form_factor) == (Role.ROLE_DRIVER, 9)


async def test_pairing_with_a_car_that_says_wait(stranger: Partner, live: LiveCar) -> None:
    """The partner takes the car's WAIT for success: a flaw of the partner, which costs the owner a surprise."""
    await stranger.pair(timeout=20, poll_interval=5)
    assert not list(live.virtual.whitelist)
    assert live.virtual.enrolment.stage is not None


async def test_pairing_denied(stranger: Partner, live: LiveCar, events: Watch) -> None:
    switch(live, Fault.NO_CARD_WAIT)
    pairing = asyncio.create_task(stranger.pair(timeout=20, poll_interval=5))
    await until_prompt(events)
    live.do(lambda: live.virtual.enrolment.tap(live.now))
    live.do(lambda: live.virtual.enrolment.deny(live.now))
    with pytest.raises(WhitelistOperationLocalEntityAuthFailedUIDenied):
        await pairing
    assert not list(live.virtual.whitelist)


async def test_pairing_without_a_word_is_proved_by_a_handshake(stranger: Partner, live: LiveCar, events: Watch) -> None:
    switch(live, Fault.SILENT_ENROLMENT)
    pairing = asyncio.create_task(stranger.pair(timeout=20, poll_interval=0.2))
    await until_prompt(events)
    live.do(lambda: live.virtual.enrolment.tap(live.now))
    live.do(lambda: live.virtual.enrolment.confirm(live.now))
    await pairing
    assert await stranger.door_unlock() == DONE


async def test_pairing_a_key_that_is_known(partner: Partner, live: LiveCar) -> None:
    with pytest.raises(WhitelistOperationAttemptingToAddExistingKey):
        await partner.pair(timeout=5, poll_interval=1)


class TestNobodyComesWithTheCard:
    @pytest.fixture
    def profile(self) -> Profile:
        return Profile(card_s=0.3)

    async def test_pairing_times_out(self, stranger: Partner, live: LiveCar, events: Watch) -> None:
        switch(live, Fault.NO_CARD_WAIT)
        pairing = asyncio.create_task(stranger.pair(timeout=20, poll_interval=5))
        await until_prompt(events)
        with pytest.raises(WhitelistOperationLocalEntityAuthFailedTimedOutWaitingForTap):
            await pairing


async def test_place_is_given_back(partner: Partner, live: LiveCar, events: Watch) -> None:
    await partner.connect()
    assert live.virtual.places_free == 2
    assert await partner.disconnect()
    await events.until("disconnected", 1)
    assert live.virtual.places_free == 3


async def test_late_session_information(partner: Partner, live: LiveCar) -> None:
    switch(live, Fault.LATE_SESSION_INFO)
    partner._default_timeout = 0.3
    with pytest.raises(BluetoothTimeout):
        await partner.handshakeVehicleSecurity()
