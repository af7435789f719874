"""The bridge as the service that its page describes: closed, small, and started again when it hangs."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from driveway_bridge.contract import Outcome
from tests.figures import Figures
from tests.radio.machine import ROOT, Machine
from tests.radio.owner import AS_DRIVEWAY, CONFIGURATION, DATA, Owner
from tests.radio.street import VIN, Street

DRIVEWAY = "/opt/driveway/bin/driveway"
LOCK = f"lock --vin {VIN} --link bluetooth --data {DATA} --json"
ITS_OWN = {
    "write to its own folder",
    "write for a moment",
    "speak on the system's bus",
    "speak to the broker",
}
WATCHDOG_S = 6
SOON = f"WatchdogSec={WATCHDOG_S}\nRestartSec=1\nEnvironment=PYTHONPATH=/run/hanging"
"""Not the unit's 30 s and 10 s, of which nobody learns anything by waiting."""
HANGING = """
import signal, time

def stand(*_):
    time.sleep(10**6)

def spin(*_):
    while True:
        pass

signal.signal(signal.SIGUSR1, spin)
signal.signal(signal.SIGUSR2, stand)
"""
"""A signal's handler runs where the event loop runs."""
MOST_MB = {"bookworm": 55.0, "trixie": 59.0}
"""Of 10^6 bytes, with Python 3.11 and 3.13."""
STOP_S = 15.0


@asynccontextmanager
async def changed(machine: Machine, owner: Owner, lines: str) -> AsyncIterator[None]:
    """The service with other lines in [Service], as `systemctl edit driveway` adds them; it is not running yet."""
    folder = "/run/systemd/system/driveway.service.d"
    await owner.stop()
    await machine.sh(
        f"mkdir -p {folder}; cat >{folder}/changed.conf <<'END'\n[Service]\n{lines}\nEND\nsystemctl daemon-reload"
    )
    try:
        yield
    finally:
        await machine.sh(f"systemctl stop driveway; rm {folder}/changed.conf; systemctl daemon-reload")


async def main_process(machine: Machine) -> int:
    return int(await machine.sh("systemctl show --property MainPID --value driveway"))


async def now(machine: Machine) -> str:
    """A point of time for the journal."""
    return (await machine.sh("date +@%s.%N")).strip()


async def told(machine: Machine, since: str) -> str:
    """What the service and systemd have said of it since then."""
    return await machine.sh(f"journalctl --no-pager --quiet --output cat --since {since} --unit driveway")


# Closed ---------------------------------------------------------------------------------------------------------------


async def test_it_runs_as_its_own_user_without_any_right(at_home: Owner, machine: Machine) -> None:
    process = await main_process(machine)
    facts = dict(
        line.split(":\t", 1) for line in (await machine.sh(f"cat /proc/{process}/status")).splitlines() if ":\t" in line
    )
    user, group = (await machine.sh("id -u driveway; id -g driveway")).split()
    assert facts["Uid"].split() == [user] * 4
    assert facts["Gid"].split() == facts["Groups"].split() * 4 == [group] * 4
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(facts[kind], 16) == 0, kind
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert (await at_home.command("lock")).outcome.final


async def test_it_can_do_nothing_on_the_computer_but_its_work(machine: Machine, owner: Owner) -> None:
    await machine.sh("mkdir -p /home/owner ~root/diary")
    everything = set(json.loads(await machine.sh("python3 /opt/bridge/probe.py")))
    await machine.sh(
        "sed -e 's|^ExecStart=.*|ExecStart=/opt/driveway/bin/python /opt/bridge/probe.py|' "
        "-e 's/^Type=.*/Type=oneshot/' -e '/^WatchdogSec=/d' -e '/^Restart=/d' -e '/^.Install/,$d' "
        "/etc/systemd/system/driveway.service >/run/systemd/system/probe.service\n"
        "printf 'StandardOutput=file:/run/probed\\n' >>/run/systemd/system/probe.service\n"
        "systemctl daemon-reload && systemctl start probe"
    )
    possible = set(json.loads(await machine.sh("cat /run/probed")))
    assert possible == ITS_OWN
    assert len(everything - possible) >= 20, f"a test that root does not pass shows nothing: {sorted(everything)}"


async def test_it_is_as_closed_as_its_page_says(machine: Machine, owner: Owner) -> None:
    promised = re.search(r"rates it ([0-9.]+) of 10", (ROOT / "bridge/systemd/README.md").read_text())
    assert promised is not None
    said = await machine.sh("systemd-analyze --no-pager security driveway")
    found = re.search(r"Overall exposure level for driveway\.service: ([0-9.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= float(promised[1])


async def test_the_bus_is_all_that_a_container_has_to_let_in(
    stopped: Owner, machine: Machine, street: Street, figures: Figures
) -> None:
    """No network, no device, of /run nothing but the bus."""
    street.car.unlock("hand")
    closed = (
        "-p User=driveway -p PrivateNetwork=yes -p PrivateDevices=yes -p TemporaryFileSystem=/run "
        "-p BindPaths=/run/dbus -p RestrictAddressFamilies=AF_UNIX -p NoNewPrivileges=yes -p CapabilityBoundingSet="
    )
    said = await machine.sh(f"systemd-run --quiet --pipe --wait --collect {closed} {DRIVEWAY} {LOCK}")
    result = json.loads(said.splitlines()[-1])
    assert (result["outcome"], street.locked()) == ("confirmed", True)
    figures.note("lock from a container that has the bus only", result["ms"] / 1000)


async def test_who_is_unknown_to_the_computer_is_told_so(stopped: Owner, machine: Machine) -> None:
    """The D-Bus daemon hangs up on them, as on a container's user whom the computer does not know."""
    stranger = f"setpriv --reuid 4242 --regid 4242 --clear-groups {DRIVEWAY}"
    await machine.sh("install -d -o 4242 -g 4242 /run/stranger")
    status, said = await machine.status(f"{stranger} lock --vin {VIN} --link bluetooth --data /run/stranger --json")
    result = json.loads(said.splitlines()[-1])
    assert (status, result["outcome"], result["reason"]) == (1, "failed", "bluetooth_forbidden")
    assert "user" in result["message"]
    _, said = await machine.status(f"{stranger} signal --vin {VIN} --seconds 2")
    assert "user" in said
    assert "systemctl start" not in said


# Started again --------------------------------------------------------------------------------------------------------


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_a_bridge_that_hangs_is_started_again_and_locks(
    machine: Machine, owner: Owner, street: Street, figures: Figures
) -> None:
    """First in a call that does not come back, then spinning; both times the journal tells where."""
    await machine.sh(f"mkdir -p /run/hanging; cat >/run/hanging/sitecustomize.py <<'END'\n{HANGING}\nEND")
    loop = asyncio.get_running_loop()
    async with changed(machine, owner, SOON):
        await owner.start()
        await owner.until("link", lambda link: link["reachable"] is True)
        for signal, name, where in (("USR2", "in a call", "in stand"), ("USR1", "spinning", "in spin")):
            street.car.unlock("hand")
            process, since, heard = await main_process(machine), await now(machine), len(owner.house.heard)
            began = loop.time()
            await machine.sh(f"kill -{signal} {process}")
            # The broker tells everybody that the bridge is gone, then the bridge that it is back.
            await owner.house.wait(lambda message: message.payload == b"offline", heard)
            await owner.house.wait(lambda message: message.payload == b"online", heard)
            assert not street.locked()
            await owner.until_done("lock")
            figures.note(f"a bridge that hangs ({name}): locked again", loop.time() - began)
            assert street.locked()
            assert await main_process(machine) != process
            log = await told(machine, since)
            assert "Watchdog timeout" in log
            assert where in log.partition("Fatal Python error: Aborted")[2]


async def connecting(owner: Owner, street: Street) -> str:
    """Give a command to a car that leaves in that moment; its id, once it is being connected to."""
    chip = street.adapters[0].chip
    async with asyncio.timeout(60):
        while True:
            await street.radio.drop()
            await street.radio.vanish()
            command = await owner.send("unlock")
            final = asyncio.create_task(owner.house.final(command))
            while not final.done():
                if chip.le_scan_enable and chip.le_scan_type == 0:
                    # The kernel listens, without asking, for the car that it is to connect to.
                    final.cancel()
                    return command
                await asyncio.sleep(0.02)  # nobody tells
            # It was heard too long ago, so that it was listened for first.
            await street.radio.reappear()
            await owner.until_done("lock")


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_it_stops_in_time_while_it_connects(
    at_home: Owner, machine: Machine, street: Street, figures: Figures
) -> None:
    command = await connecting(at_home, street)
    loop = asyncio.get_running_loop()
    began, since = loop.time(), len(at_home.house.heard)
    await machine.sh("systemctl stop driveway")
    figures.note("stopped while it connects", loop.time() - began)
    assert loop.time() - began < STOP_S
    result = await at_home.house.final(command)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "stopping")
    await at_home.house.wait(lambda heard: heard.payload == b"offline", since)
    assert (await machine.sh("systemctl show --property Result --value driveway")).strip() == "success"
    await street.radio.reappear()
    said = await machine.sh(f"{AS_DRIVEWAY} {DRIVEWAY} {LOCK}")
    assert (json.loads(said.splitlines()[-1])["outcome"], street.locked()) == ("confirmed", True)


@pytest.mark.only_on("trixie", "the bridge's own doing")
async def test_a_changed_configuration_is_read_again_and_a_wrong_one_refused(at_home: Owner, machine: Machine) -> None:
    process = await main_process(machine)
    since, mark = len(at_home.house.heard), await now(machine)
    await machine.sh("sed -i 's/Anna/Bertha/' /etc/driveway/driveway.yaml; systemctl reload driveway")
    await at_home.until("info", lambda info: [car["name"] for car in info["cars"]] == ["Bertha"], since=since)
    await machine.sh("sed -i 's/vin:/wine:/' /etc/driveway/driveway.yaml; systemctl reload driveway")
    await machine.until(f"journalctl --unit driveway --since {mark} | grep 'The new configuration is wrong'", 20)
    assert "wine" in await told(machine, mark)
    await at_home.until_done("lock")
    assert await main_process(machine) == process
    since = len(at_home.house.heard)
    await machine.sh("sed -i 's/wine:/vin:/; s/Bertha/Anna/' /etc/driveway/driveway.yaml; systemctl reload driveway")
    await at_home.until("info", lambda info: [car["name"] for car in info["cars"]] == ["Anna"], since=since)


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_the_computers_clock_may_jump(at_home: Owner, machine: Machine, street: Street) -> None:
    """A Raspberry Pi has no clock of its own: it learns the time long after its start."""
    process = await main_process(machine)
    right = int(await machine.sh("date +%s"))
    try:
        for wrong in (1_000_000, right + 400 * 86400):
            await machine.sh(f"date --set @{wrong}")
            await at_home.until_done("unlock")
            assert not street.locked()
            await at_home.until_done("lock")
            assert street.locked()
    finally:
        await machine.sh(f"date --set @{right}")
    assert await main_process(machine) == process


# What it needs --------------------------------------------------------------------------------------------------------


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_a_password_that_only_systemd_can_read(machine: Machine, owner: Owner) -> None:
    broker = """
install -d -o mosquitto /run/guarded /etc/driveway
printf 'listener 1884 127.0.0.1\\npassword_file /run/guarded/users\\nlog_dest stderr\\n' >/run/guarded/conf
mosquitto_passwd -b -c /run/guarded/users driveway 'a long password' && chown mosquitto /run/guarded/users
systemd-run --quiet --collect --unit guarded mosquitto -c /run/guarded/conf
printf 'a long password\\n' >/etc/driveway/mqtt.password && chmod 600 /etc/driveway/mqtt.password
"""
    configuration = f"mqtt: {{port: 1884, username: driveway}}\n{CONFIGURATION}"
    says = "systemctl show --property StatusText --value driveway"
    async with changed(machine, owner, "LoadCredential=mqtt.password:/etc/driveway/mqtt.password"):
        await machine.sh(f"{broker}\ncat >/etc/driveway/driveway.yaml <<'END'\n{configuration}\nEND\n")
        try:
            await machine.sh("systemctl start driveway")
            await machine.until(f"{says} | grep 'broker connected'", 30)
            assert "as driveway-" in (log := await machine.journal("guarded")), log
            assert "u'driveway'" in log
            assert (await machine.status(f"{AS_DRIVEWAY} cat /etc/driveway/mqtt.password"))[0] == 1
            process = await main_process(machine)
            assert "a long password" not in await machine.sh(f"cat /proc/{process}/environ /proc/{process}/cmdline")
            await machine.sh("printf 'another\\n' >/etc/driveway/mqtt.password; systemctl restart driveway")
            await machine.until("journalctl --unit driveway | grep 'refuses the user'", 30)
        finally:
            await machine.sh("systemctl stop guarded driveway; rm /etc/driveway/mqtt.password")
            await machine.sh(f"cat >/etc/driveway/driveway.yaml <<'END'\n{CONFIGURATION}\nEND\n")


@pytest.mark.only_on("bookworm", "the bridge's own doing")
async def test_it_is_small(at_home: Owner, machine: Machine) -> None:
    """Anew, as it has read its configuration once."""
    await at_home.start()
    await at_home.until_done("lock")
    process = await main_process(machine)
    resident = int(re.findall(r"(?m)^Rss: +(\d+) kB", await machine.sh(f"cat /proc/{process}/smaps_rollup"))[0])
    assert resident * 1024 / 1e6 < MOST_MB[machine.release]
