"""What an owner is told of several radios: the problems, and what the configuration was understood to mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from driveway_bridge import problems
from driveway_bridge.cli import main
from driveway_bridge.reasons import REASONS
from tests.bridge.link.proxies.conftest import VIN, Bridge, until
from tests.bridge.link.proxies.played_proxy import KEY, PlayedProxy

pytestmark = pytest.mark.timeout(40)


async def test_a_radio_that_fails_is_a_problem_also_while_another_works(house: Bridge, carport: PlayedProxy) -> None:
    assert list(problems.of_radio(house.radio.report())) == []
    await carport.switch_off()
    await until(lambda: house.told("carport")["reason"])
    report = house.radio.report()
    assert (report["state"], report["reason"]) == ("ok", None)
    assert list(problems.of_radio(report)) == [problems.Problem("radio", "proxy_unreachable")]
    assert house.told("carport")["problem"] == REASONS["proxy_unreachable"].meaning
    json.dumps(report)


async def test_the_report_of_several_has_all_that_the_report_of_one_has(house: Bridge) -> None:
    (first, *_) = house.radio._branches
    assert set(house.radio.report()) == set(first.air.report()) | {"radios"}


def test_the_configuration_is_told_as_it_was_understood(tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    file.touch(mode=0o600)
    file.write_text(
        "bluetooth:\n  adapters: ['00:1A:7D:DA:71:13', '00:1A:7D:DA:71:14']\n  proxies:\n"
        f"    - {{host: 192.168.1.50, name: Carport, key: {KEY}}}\n    - host: fd00::1\ncars: [{{vin: {VIN}}}]\n"
    )
    told = CliRunner().invoke(main, ["check-config", "--config", str(file)]).output
    assert "Bluetooth adapter: 00:1A:7D:DA:71:13, 00:1A:7D:DA:71:14, brought back when it goes deaf" in told
    assert "Bluetooth proxy Carport: 192.168.1.50:6053, encrypted" in told
    assert "Bluetooth proxy fd00::1: [fd00::1]:6053, in the clear" in told
    assert "weak: bluetooth.proxies: fd00::1 has no `key`" in told
    understood = json.loads(CliRunner().invoke(main, ["check-config", "--json", "--config", str(file)]).output)
    assert understood["understood"]["bluetooth"]["proxies"][0] == {
        "name": "Carport",
        "host": "192.168.1.50",
        "port": 6053,
        "encrypted": True,
    }
    assert KEY not in told + json.dumps(understood)
