"""`driveway doctor`, `status` and `check-config` at a broker with encryption and our access rules."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from driveway_bridge import config
from driveway_bridge.doctor.case import Case
from driveway_bridge.doctor.finding import State
from driveway_bridge.doctor.plan import examine
from driveway_bridge.settings import TlsSettings
from driveway_bridge.simulator.listeners import TcpListener
from tests.bridge.broker.authority import DAY, PAGE, Authority
from tests.bridge.broker.test_access import PASSWORDS, RULES, set_up
from tests.bridge.cli.programs import DRIVEWAY, environment
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_bridge import VIN, Home, home
from tests.bridge.doctor.street import Audience, Findings

__all__ = ["home"]  # the fixture


class Owner:
    """Somebody with the configuration of `home`, a broker as docs/broker.md says, and an authority."""

    def __init__(self, home: Home, broker: Mosquitto, authority: Authority, folder: Path, car: str) -> None:
        self.home, self.broker, self.authority, self._folder, self._car = home, broker, authority, folder, car
        self.file = folder / "driveway.yaml"
        (folder / "mqtt.password").write_text(PASSWORDS["driveway"])
        (folder / "mqtt.password").chmod(0o600)
        (folder / "ca.crt").write_bytes(authority.ca.read_bytes())
        self.configure()

    def configure(self, tls: str = "tls: yes, ca_file: ca.crt") -> None:
        mqtt = f"port: {self.broker.port}, username: driveway, password_file: mqtt.password, {tls}"
        self.file.write_text(f"mqtt: {{{mqtt}}}\ncars:\n  - {{vin: {VIN}, name: Anna, link: '{self._car}'}}\n")

    def serve(self, certificate: str = "broker", rules: str = RULES) -> None:
        set_up(self.broker, self._folder / "guarded", rules, listener=self.authority.listener(certificate))
        self.broker.start()

    async def look(self) -> Findings:
        async with Case(self.file, self.home.data, environment={}) as case:
            return Findings(await examine(case, Audience(), home_assistant=False))

    async def call(self, *arguments: str) -> str:
        """What a command says."""
        done = await asyncio.to_thread(
            subprocess.run, [*DRIVEWAY, *arguments], env=environment(), capture_output=True, text=True, timeout=30
        )
        return done.stdout + done.stderr


@pytest_asyncio.fixture
async def owner(mosquitto_path: str, tmp_path: Path, authority: Authority, home: Home) -> AsyncIterator[Owner]:
    car = TcpListener(home.live, "127.0.0.1", 0)
    await car.start()
    with Mosquitto(mosquitto_path, tmp_path / "guarded") as mosquitto:
        yield Owner(home, mosquitto, authority, tmp_path, car.address)
    await car.stop()


async def test_all_is_well(owner: Owner) -> None:
    owner.serve()
    owner.home.settings = config.load(owner.file, {})
    me = ("driveway", "homeassistant")
    async with owner.home.bridge(), owner.home.house(user=(me[1], PASSWORDS[me[1]]), ca=owner.authority.ca):
        findings = await owner.look()
        assert findings.first is None, findings.text
        assert findings["broker"].state is State.OK
        assert "MQTT 5, encrypted (TLSv1.3); the broker's certificate ends on 20" in findings["broker"].found
        assert findings["topics"].state is State.OK
        status = await owner.call("status", "--config", str(owner.file), "--data", str(owner.home.data))
        assert "running for" in status


async def test_a_certificate_that_soon_ends_is_told_in_time(owner: Owner) -> None:
    owner.serve(owner.authority.odd(ends=20 * DAY))
    broker = (await owner.look())["broker"]
    assert broker.state is State.WARNING
    assert "Renew it before that day" in broker.remedy


def in_the_clear(owner: Owner) -> None:
    owner.serve()
    owner.configure("tls: no")


BROKEN: dict[str, tuple[Callable[[Owner], object], str]] = {
    "expired": (lambda owner: owner.serve(owner.authority.odd(begins=-9 * DAY, ends=-DAY)), "has expired"),
    "another name": (lambda owner: owner.serve(owner.authority.odd(names=("broker.home",))), "is for other names"),
    "in the clear": (in_the_clear, "if it wants TLS there"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_wrong_is_named_with_a_remedy(owner: Owner, case: str) -> None:
    wrong, words = BROKEN[case]
    wrong(owner)
    broker = (await owner.look())["broker"]
    assert broker.state is State.BROKEN
    assert words in broker.found
    assert "docs/broker.md" in broker.remedy


@pytest.mark.parametrize("lost", ["topic write driveway/+/ear/command", "topic readwrite driveway/+/+/result"])
async def test_a_line_that_is_missing_in_the_rules_is_found(owner: Owner, lost: str) -> None:
    owner.serve(rules=RULES.replace(f"{lost}\n", "", 1))
    assert (await owner.look())["topics"].state is State.BROKEN


async def test_check_config_tells_how_the_broker_is_reached(owner: Owner) -> None:
    said = await owner.call("check-config", "--config", str(owner.file))
    assert "password from password_file, encrypted, trusting what `ca_file` holds" in said
    certificate, key = owner.authority.for_bridge()
    key.chmod(0o644)
    owner.configure(f"tls: on, ca_file: system, certificate_file: {certificate}, key_file: {key}")
    said = await owner.call("check-config", "--config", str(owner.file))
    assert "encrypted, trusting whom this computer trusts, with a certificate of its own" in said
    assert "weak: mqtt.key_file: every user of this computer may read that file" in said


def test_the_example_of_the_page_is_understood(tmp_path: Path, authority: Authority) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "ca.crt").write_bytes(authority.ca.read_bytes())
    (tmp_path / "mqtt.password").write_text("secret")
    (tmp_path / "driveway.yaml").write_text(f"{example}cars: [{{vin: {VIN}}}]\n")
    mqtt = config.load(tmp_path / "driveway.yaml", {}).mqtt
    assert (mqtt.host, mqtt.port, mqtt.tls) == ("broker.home", 8883, TlsSettings(ca_file=tmp_path / "ca.crt"))
