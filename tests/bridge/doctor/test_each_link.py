"""Each link of the chain broken in turn: the right one is named, with a remedy, and what is behind it is not blamed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from driveway_bridge.doctor import bridge as bridge_check
from driveway_bridge.doctor import car as car_check
from driveway_bridge.doctor import data as data_check
from driveway_bridge.doctor.case import Case
from driveway_bridge.doctor.finding import State
from driveway_bridge.doctor.plan import chain
from driveway_bridge.errors import NotReached
from driveway_bridge.proto import Role
from driveway_bridge.simulator.faults import Fault
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.doctor.street import CAR, OTHER_VIN, VIN, Findings, PlayedAdapter, PlayedRadio, Street

HEARD, PLACE, ANSWER, KEY, SIGNED = (f"{CAR}.{name}" for name in ("heard", "place", "answer", "key", "signed"))
CAR_LINKS = {HEARD, PLACE, ANSWER, KEY, SIGNED}


def broken_at(found: Findings, name: str, *, skipped: set[str]) -> None:
    """One link is broken, and just those behind it were not looked at, for its sake."""
    assert (found.first, found.names(State.BROKEN)) == (name, {name}), found.text
    assert found[name].remedy
    assert found.names(State.SKIPPED) == skipped
    assert {found[other].because for other in skipped} <= {name}


# All is well ----------------------------------------------------------------------------------------------------------


async def test_a_chain_that_holds_is_well_in_every_link(street: Street) -> None:
    found = await street.look()
    assert found.first is None
    assert found.names(State.OK) == set(found.by_name), found.text
    assert list(found.by_name) == [
        "configuration", "data", "key", HEARD, PLACE, ANSWER, KEY, SIGNED, "broker", "topics", "bridge",
        "home_assistant",
    ]  # fmt: skip
    assert "driver" in found[KEY].found


async def test_looking_moves_nothing_wakes_nobody_and_leaves_nothing(street: Street) -> None:
    """Pains 37, 43."""
    street.virtual.car.sleep("test")
    before = {file.name: file.read_bytes() for file in street.data.iterdir()}
    street.told.clear()
    found = await street.look()
    assert found.first is None
    assert "asleep" in found[ANSWER].found
    assert street.virtual.car.asleep
    assert street.virtual.car.locked
    assert not [event for event in street.told if event["event"] == "state"]
    assert {file.name: file.read_bytes() for file in street.data.iterdir()} == before
    async with asyncio.timeout(10):
        while street.virtual.places_free < 3:  # noqa: ASYNC110 - the car sees the end of a connection by itself
            await asyncio.sleep(0.01)


async def test_nothing_secret_is_shown(street: Street) -> None:
    street.configure(mqtt=", username: u, password: hunter2")
    found = await street.look()
    assert VIN not in found.text
    assert "hunter2" not in found.text


async def test_over_bluetooth_the_radio_is_looked_at_too(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(car_check, "MORE_S", 0.01)
    street.configure(link="bluetooth", more="bluetooth: {adapter: hci0}\n")
    played = PlayedRadio(street)
    found = await street.look(radio=played.radio())
    assert found.names(State.OK) == set(found.by_name), found.text
    assert list(found.by_name)[3:8] == ["bus", "service", "adapter", "power", HEARD]
    assert found[HEARD].found == "heard, -62 dBm: good"
    assert played.settings is not None
    assert played.settings.adapter == "hci0"
    assert played.air.closed


# This computer --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["cars: [{vin: 123}]", "", "\t", None])
async def test_the_configuration(street: Street, text: str | None) -> None:
    if text is None:
        street.file.unlink()
    else:
        street.file.write_text(text)
    found = await street.look()
    behind = {f"car.{name.rpartition('.')[2]}" for name in CAR_LINKS} | {"broker", "topics", "bridge", "home_assistant"}
    broken_at(found, "configuration", skipped=behind)
    assert str(street.file) in found["configuration"].found
    assert found.names(State.OK) == {"data", "key"}, "what does not depend on it is looked at all the same"


async def test_the_data_folder_is_missing(street: Street) -> None:
    shutil.rmtree(street.data)
    found = await street.look()
    assert (found.first, found["data"].state) == ("data", State.BROKEN)
    assert (found["key"].state, found["key"].because) == (State.SKIPPED, "data")
    assert found[ANSWER].state is State.OK, "a car answers also who has no key"
    assert (found[KEY].state, found[KEY].because) == (State.SKIPPED, "data")
    assert not street.data.exists()


async def test_the_data_folder_cannot_be_written(street: Street) -> None:
    found = data_check.folder(Path("/proc/self"))
    assert found.state is State.BROKEN
    assert "sudo -u" in found.remedy
    street.data = Path("/proc/self")
    assert (await street.look()).first == "data"


async def test_the_data_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert data_check.folder(tmp_path / "file").state is State.BROKEN
    assert data_check.folder(tmp_path / "file" / "below").state is State.BROKEN


@pytest.mark.parametrize(
    ("free", "state", "word"),
    [(500_000, State.BROKEN, "full"), (20_000_000, State.WARNING, "20 MB"), (3_000_000_000, State.OK, "3.0 GB free")],
)
async def test_the_disk_is_full(
    street: Street, monkeypatch: pytest.MonkeyPatch, free: int, state: State, word: str
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 0, free))
    found = data_check.folder(street.data)
    assert found.state is state
    assert word in found.found


async def test_a_folder_that_others_may_write_into_is_a_warning(street: Street) -> None:
    street.data.chmod(0o777)
    assert data_check.folder(street.data).state is State.WARNING
    street.data.chmod(0o755)
    assert data_check.folder(street.data).state is State.OK


async def test_a_folder_of_somebody_else_is_a_warning(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    found = data_check.folder(street.data)
    assert found.state is State.WARNING
    assert "another user" in found.found


async def test_the_key_is_missing(street: Street) -> None:
    (street.data / "key.pem").unlink()
    broken_at(await street.look(), "key", skipped={KEY, SIGNED})
    assert not (street.data / "key.pem").exists(), "none is made on the way"


async def test_the_key_is_damaged(street: Street) -> None:
    (street.data / "key.pem").write_text("nonsense")
    found = await street.look()
    broken_at(found, "key", skipped={KEY, SIGNED})
    assert "backup" in found["key"].remedy


async def test_a_key_that_others_could_read_is_a_warning(street: Street) -> None:
    (street.data / "key.pem").chmod(0o644)
    found = await street.look()
    assert (found.first, found["key"].state) == (None, State.WARNING)
    assert (street.data / "key.pem").stat().st_mode & 0o777 == 0o600


# Bluetooth ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detail", "name", "word"),
    [
        ("no D-Bus system bus: FileNotFoundError: [Errno 2]", "bus", "/run/dbus"),
        ("bluetoothd is not running (org.freedesktop.DBus.Error.ServiceUnknown)", "service", "systemctl"),
        ("BlueZ is silent: no answer in 5 s", "service", "systemctl"),
    ],
)
async def test_no_bus_and_no_service(street: Street, detail: str, name: str, word: str) -> None:
    street.configure(link="bluetooth")
    played = PlayedRadio(street)
    played.error = NotReached("no_bluetooth_service", detail)
    found = await street.look(radio=played.radio())
    behind = {"service", "adapter", "power"} - {name} | CAR_LINKS
    broken_at(found, name, skipped=behind)
    assert word in found[name].remedy


async def test_a_bus_that_does_not_let_us_in(street: Street) -> None:
    street.configure(link="bluetooth")
    played = PlayedRadio(street)
    played.error = NotReached("bluetooth_forbidden", "the D-Bus system bus hangs up on user 4242: EOFError: ")
    found = await street.look(radio=played.radio())
    broken_at(found, "bus", skipped={"service", "adapter", "power"} | CAR_LINKS)
    assert found["bus"].reason == "bluetooth_forbidden"
    assert "user" in found["bus"].remedy


async def test_no_adapter(street: Street) -> None:
    street.configure(link="bluetooth")
    played = PlayedRadio(street)
    played.adapters = []
    broken_at(await street.look(radio=played.radio()), "adapter", skipped={"power"} | CAR_LINKS)


@pytest.mark.parametrize("wanted", ["hci1", "AA:BB:CC:DD:EE:FF"])
async def test_another_adapter_than_the_configured_one(street: Street, wanted: str) -> None:
    street.configure(link="bluetooth", more=f"bluetooth: {{adapter: '{wanted}'}}\n")
    found = await street.look(radio=PlayedRadio(street).radio())
    broken_at(found, "adapter", skipped={"power"} | CAR_LINKS)
    assert wanted in found["adapter"].found
    assert "hci0 (00:11:22:33:44:55)" in found["adapter"].found


async def test_the_adapter_is_switched_off(street: Street) -> None:
    street.configure(link="bluetooth", more="bluetooth: {adapter: '00:11:22:33:44:55'}\n")
    played = PlayedRadio(street)
    played.adapters = [PlayedAdapter("hci1", "00:11:22:33:44:66"), PlayedAdapter(powered=False)]
    found = await street.look(radio=played.radio())
    broken_at(found, "power", skipped=CAR_LINKS)
    assert "rfkill" in found["power"].remedy
    assert "hci0" in found["adapter"].found


async def test_cars_at_an_address_need_no_radio(street: Street) -> None:
    found = await street.look(radio=None)
    assert not {"bus", "service", "adapter", "power"} & set(found.by_name)


# The car --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("others", "word"), [(0, "nor was any other"), (80, "so the radio works")])
async def test_the_car_is_not_heard(street: Street, monkeypatch: pytest.MonkeyPatch, others: int, word: str) -> None:
    """Pains 18, 27, 96, 97, 98."""
    monkeypatch.setattr(car_check, "LISTEN_S", 0.3)
    street.configure(link="bluetooth")
    played = PlayedRadio(street, rssi_dbm=None)
    played.air.told["heard_per_minute"] = others
    found = await street.look(radio=played.radio())
    broken_at(found, HEARD, skipped=CAR_LINKS - {HEARD})
    assert word in found[HEARD].found
    assert "2.4 GHz" in found[HEARD].remedy
    assert played.dialer.dialled == 0


@pytest.mark.parametrize("told", [{"linked": True, "reachable": True}, {"linked": False, "in_range": True}])
async def test_a_car_that_the_bridge_has_need_not_be_heard_here(
    street: Street, monkeypatch: pytest.MonkeyPatch, told: dict[str, bool]
) -> None:
    """BlueZ may tell a second program nothing while the bridge is connected."""
    monkeypatch.setattr(car_check, "LISTEN_S", 3.0)  # by then it is known what the bridge says
    monkeypatch.setattr(car_check, "BRIDGE_GIVES_BACK_S", 0.2)
    street.configure(link="bluetooth")
    street.bridge.tell(street.topics.link(CAR), json.dumps({"boot": "b1", **told}))
    found = await street.look(radio=PlayedRadio(street, rssi_dbm=None).radio())
    assert found.first is None
    assert "running bridge" in found[HEARD].found


async def test_a_radio_that_cannot_listen_is_told_as_such(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(car_check, "NO_RADIO_S", 0.1)
    street.configure(link="bluetooth")
    played = PlayedRadio(street, rssi_dbm=None)
    played.air.told |= {"reason": "radio_unavailable", "detail": "no scan"}
    found = await street.look(radio=played.radio())
    broken_at(found, HEARD, skipped=CAR_LINKS - {HEARD})
    assert found[HEARD].reason == "radio_unavailable"


@pytest.mark.parametrize(
    ("rssi_dbm", "state", "word"),
    [(-70, State.OK, "good"), (-71, State.OK, "fair"), (-85, State.OK, "fair"), (-86, State.WARNING, "weak")],
)
async def test_a_weak_signal_is_a_warning(
    street: Street, monkeypatch: pytest.MonkeyPatch, rssi_dbm: int, state: State, word: str
) -> None:
    """Pains 95, 96."""
    monkeypatch.setattr(car_check, "MORE_S", 0.01)
    street.configure(link="bluetooth")
    found = await street.look(radio=PlayedRadio(street, rssi_dbm=rssi_dbm).radio())
    assert found.first is None
    assert (found[HEARD].state, found[HEARD].found) == (state, f"heard, {rssi_dbm} dBm: {word}")


async def test_all_places_are_taken_as_it_calls_itself(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pain 37."""
    monkeypatch.setattr(car_check, "MORE_S", 0.01)
    street.configure(link="bluetooth")
    played = PlayedRadio(street, connectable=False)
    found = await street.look(radio=played.radio())
    broken_at(found, PLACE, skipped={ANSWER, KEY, SIGNED})
    assert found[PLACE].reason == "places_full"
    assert played.dialer.dialled == 0


async def test_all_places_are_taken_when_it_is_called(street: Street) -> None:
    """Pain 37."""
    street.virtual.switch(Fault.PLACES_FULL, on=True)
    found = await street.look()
    broken_at(found, PLACE, skipped={ANSWER, KEY, SIGNED})
    assert found[PLACE].reason == "places_full"


async def test_nobody_at_the_address(street: Street) -> None:
    await street.listener.vanish()
    found = await street.look()
    broken_at(found, HEARD, skipped=CAR_LINKS - {HEARD})
    assert found[HEARD].reason == "nobody_listening"


async def test_the_car_does_not_answer(street: Street) -> None:
    street.virtual.switch(Fault.SILENT, on=True)
    found = await street.look()
    broken_at(found, ANSWER, skipped={KEY, SIGNED})
    assert found[ANSWER].reason == "no_answer"


async def test_the_key_is_not_the_cars(street: Street) -> None:
    """Pains 43, 51."""
    street.virtual.switch(Fault.KEY_REMOVED, on=True)
    found = await street.look()
    broken_at(found, KEY, skipped={SIGNED})
    assert found[KEY].reason == "key_not_enrolled"
    assert "Pair" in found[KEY].remedy


async def test_it_is_another_car(street: Street) -> None:
    street.configure(vin=OTHER_VIN)
    street.bridge.info = replace(street.bridge.info, cars=())
    found = await street.look()
    assert (found.first or "").endswith(".key")
    assert found[found.first or ""].reason == "wrong_car"
    assert "VIN" in found[found.first or ""].remedy


@pytest.mark.parametrize(("role", "word"), [(Role.ROLE_OWNER, "change keys"), (Role.ROLE_VEHICLE_MONITOR, "not lock")])
async def test_what_the_key_may_do_is_told(broker: Mosquitto, tmp_path: Path, role: Role, word: str) -> None:
    async with Street(tmp_path, broker, role=role) as street:
        assert word in (await street.look())[KEY].found


async def test_it_takes_nothing_that_is_signed(street: Street) -> None:
    street.virtual.switch(Fault.HANG_UP_ON_REQUEST, on=True)
    found = await street.look()
    broken_at(found, SIGNED, skipped=set())


async def test_a_busy_car_is_a_warning(street: Street) -> None:
    street.virtual.switch(Fault.BUSY, on=True)
    found = await street.look()
    assert (found.first, found[SIGNED].state) == (None, State.WARNING)


# The broker -----------------------------------------------------------------------------------------------------------

BEHIND_THE_BROKER = {"topics", "bridge", "home_assistant"}


async def test_nobody_listens_at_the_brokers_address(street: Street) -> None:
    street.broker.kill()
    found = await street.look()
    broken_at(found, "broker", skipped=BEHIND_THE_BROKER)
    assert "mosquitto" in found["broker"].remedy


async def test_a_broker_of_an_unknown_name(street: Street) -> None:
    street.configure(mqtt=", host: broker.invalid")
    broken_at(await street.look(), "broker", skipped=BEHIND_THE_BROKER)


async def test_a_wrong_password(street: Street) -> None:
    street.broker.kill()
    street.broker.allow_only("driveway", "right")
    street.broker.start()
    street.configure(mqtt=", username: driveway, password: wrong")
    found = await street.look()
    broken_at(found, "broker", skipped=BEHIND_THE_BROKER)
    assert "password" in found["broker"].remedy
    assert "wrong" not in found["broker"].found


@pytest.mark.parametrize(
    "rules",
    [
        ("topic read driveway/#",),  # may not publish
        ("topic write driveway/#",),  # may not hear
        ("topic readwrite other/#",),
        ("topic read driveway/#", "topic write driveway/+/+/command"),  # may not tell results
    ],
)
async def test_access_rules_that_forbid(street: Street, rules: tuple[str, ...]) -> None:
    street.broker.kill()
    street.broker.allow_only_topics(*rules)
    street.broker.start()
    found = await street.look()
    assert found.first == "topics", found.text
    assert found["broker"].state is State.OK
    assert "driveway/#" in found["topics"].remedy


async def test_looking_stores_nothing_at_the_broker_and_is_not_taken_for_home_assistant(street: Street) -> None:
    heard: list[tuple[str, bytes]] = []
    client = street.bridge._client
    client.on_message = lambda _c, _u, message: heard.append((message.topic, bytes(message.payload)))
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe("driveway/#", qos=1)
    assert await asyncio.to_thread(subscribed.wait, 10)
    assert (await street.look()).first is None
    expected = {"info", "status", "health", "clock", "ear/command", "driveway-doctor/result"}
    live: set[str] = set()
    async with asyncio.timeout(10):
        while not live >= expected:
            live = {topic.removeprefix(f"driveway/{street.topics.bridge}/") for topic, _ in list(heard)}
            await asyncio.sleep(0.01)
    assert live == expected
    assert "clock/get" not in live


# The bridge and Home Assistant ----------------------------------------------------------------------------------------


def test_a_silent_bridge_is_told_as_such_before_the_look_at_it_is_broken_off(street: Street) -> None:
    (check,) = (check for check in chain(Case(street.file, street.data)) if check.name == "bridge")
    assert check.within_s > bridge_check.CLOCK_S + 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_check, "CLOCK_S", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_the_bridge_is_not_running(street: Street) -> None:
    """Pain 20."""
    await street.bridge.offline()
    found = await street.look()
    broken_at(found, "bridge", skipped={"home_assistant"})
    assert found["bridge"].found == "it is not running"


@pytest.mark.usefixtures("impatient")
async def test_the_bridge_hangs(street: Street) -> None:
    """Pain 20."""
    await street.bridge.silence()
    found = await street.look()
    broken_at(found, "bridge", skipped={"home_assistant"})
    assert found["bridge"].reason == "bridge_silent"


@pytest.mark.usefixtures("impatient")
async def test_the_bridge_was_never_started(street: Street) -> None:
    (street.data / "bridge_id").unlink()
    found = await street.look()
    broken_at(found, "bridge", skipped={"home_assistant"})
    assert not (street.data / "bridge_id").exists()


async def test_a_bridge_of_another_release(street: Street) -> None:
    street.bridge.info = replace(street.bridge.info, contract=7)
    street.bridge.online()
    broken_at(await street.look(), "bridge", skipped={"home_assistant"})
    street.bridge.info = replace(street.bridge.info, contract=1, version="0.0.1")
    street.bridge.online()
    found = await street.look()
    assert (found.first, found["bridge"].state) == (None, State.WARNING)
    assert "0.0.1" in found["bridge"].found


async def test_a_bridge_that_does_not_know_the_car_yet(street: Street) -> None:
    street.bridge.info = replace(street.bridge.info, cars=())
    street.bridge.online()
    found = await street.look()
    assert (found.first, found["bridge"].state) == (None, State.WARNING)


async def test_a_bridge_that_says_itself_what_is_wrong(street: Street) -> None:
    street.bridge.online(problems=[{"part": "radio", "reason": "radio_deaf"}, {"part": CAR, "reason": "car_busy"}])
    found = await street.look()
    assert (found.first, found["bridge"].state) == (None, State.WARNING)
    assert "hears nothing" in found["bridge"].found


async def test_home_assistant_was_never_seen(street: Street) -> None:
    """Pain 115."""
    street.bridge.online(home_assistant_s_ago=None)
    found = await street.look()
    broken_at(found, "home_assistant", skipped=set())
    assert "MQTT integration" in found["home_assistant"].remedy
    assert (await street.look(home_assistant=False)).first is None


async def test_home_assistant_was_seen_long_ago(street: Street) -> None:
    street.bridge.online(home_assistant_s_ago=3 * 86400)
    found = await street.look()
    assert (found.first, found["home_assistant"].state) == (None, State.WARNING)
    assert "3 days" in found["home_assistant"].found


# Several --------------------------------------------------------------------------------------------------------------


async def test_all_problems_are_told_and_the_first_one_is_the_first_of_the_chain(street: Street) -> None:
    """Pain 43."""
    (street.data / "key.pem").unlink()
    await street.listener.vanish()
    street.broker.kill()
    found = await street.look()
    assert found.first == "key"
    assert found.names(State.BROKEN) == {"key", HEARD, "broker"}


async def test_one_of_several_cars(street: Street) -> None:
    text = street.file.read_text().replace(
        "cars:\n", f"cars:\n  - {{vin: {OTHER_VIN}, name: Bert, link: 'tcp://127.0.0.1:1'}}\n"
    )
    street.file.write_text(text)
    assert "Bert" in (await street.look()).text
    for only in ("anna", CAR, VIN.lower()):
        found = await street.look(only=only)
        assert found.first is None
        assert "Bert:" not in found.text
    with pytest.raises(LookupError, match="Bert, Anna"):
        await street.look(only="Carl")


async def test_while_the_bridge_holds_the_only_connection_of_the_radio(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two programs cannot share one: the doctor waits until it is given back, and does not cut it off."""
    monkeypatch.setattr(car_check, "MORE_S", 0.01)
    street.configure(link="bluetooth")
    linked = json.dumps({"boot": "b1", "linked": True, "reachable": True})
    street.bridge.tell(street.topics.link(CAR), linked)
    played = PlayedRadio(street)
    looking = asyncio.ensure_future(street.look(radio=played.radio()))
    async with asyncio.timeout(10):
        while not any("waiting" in text for _, text in street.audience.texts):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert played.dialer.dialled == 0
    street.bridge.tell(street.topics.link(CAR), json.dumps({"boot": "b1", "linked": False}))
    assert (await looking).first is None
    assert played.dialer.dialled == 1

    monkeypatch.setattr(car_check, "BRIDGE_GIVES_BACK_S", 0.2)
    street.bridge.tell(street.topics.link(CAR), linked)
    found = await street.look(radio=played.radio())
    assert found.first is None
    assert played.dialer.dialled == 1
    assert "running bridge" in found[SIGNED].found
