"""Home Assistant is told of a car in two ways, and what an owner can do is called the same in both."""

from __future__ import annotations

import json
from pathlib import Path

from driveway_bridge.contract import CarInfo, Info
from driveway_bridge.contract_topics import Topics
from driveway_bridge.mqtt.discovery_device import of_car

PLATFORMS = ("button", "climate", "cover", "number", "select", "switch")
TRANSLATIONS = Path(__file__).parents[2] / "custom_components/driveway/translations/en.json"


def test_what_can_be_done_has_the_same_key_and_name_in_both() -> None:
    car = CarInfo(id="car-ade9a822", name="Anna")
    info = Info(bridge="bridge-1", name="Carport", version="1", boot="b", cars=(car,), clients=(), commands=())
    of_mqtt = of_car(Topics("driveway", info.bridge), info, car, ["everything"])["components"]
    of_component = json.loads(TRANSLATIONS.read_text("utf-8"))["entity"]
    offered = {
        (config["platform"], key): config["name"]
        for key, config in of_mqtt.items()
        if config["platform"] in PLATFORMS and "name" in config
    }
    assert len(offered) > 20
    assert offered == {(platform, key): of_component[platform].get(key, {}).get("name") for platform, key in offered}
