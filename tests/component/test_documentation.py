"""The pages for owners are true: tables are those of the code, links lead somewhere, and examples run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import slugify
from homeassistant.util.yaml import parse_yaml
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from tests.component.fake_bridge import FakeBridge

from component_source import ENGLISH, FOLDER, ROOT, anchors, offered
from custom_components.driveway.contract import Outcome

GUIDE = ROOT / "docs/home_assistant.md"
PAGES = [GUIDE, ROOT / "docs/entities.md", FOLDER / "README.md", FOLDER / "README.de.md"]
OURS = "https://github.com/driveway-home/driveway"


def targets(page: Path) -> set[str]:
    """The files of this repository that a page links to, with their anchors."""
    found = set()
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        decoded = unquote(link)
        if "blueprint_url=" in decoded:
            decoded = decoded.split("blueprint_url=", 1)[1]
        elif decoded.startswith("https://my.home-assistant.io/"):
            continue
        if decoded.startswith(OURS):
            inside = decoded.removeprefix(OURS).removeprefix("/blob/main/")
            found.add(inside if not inside.startswith("#") else f"README.md{inside}")
        else:
            assert not decoded.startswith("http"), link
            file, _, anchor = decoded.partition("#")
            path = (page.parent / file).resolve() if file else page
            found.add(str(path.relative_to(ROOT)) + (f"#{anchor}" if anchor else ""))
    return found


def is_there(target: str) -> bool:
    file, _, anchor = target.partition("#")
    return (ROOT / file).is_file() and (not anchor or anchor in anchors(ROOT / file))


def examples() -> list[dict[str, Any]]:
    """The automations of the guide."""
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return [block for block in map(parse_yaml, blocks) if isinstance(block, dict) and "triggers" in block]


def test_the_tables_are_those_of_the_code() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts/entity_tables", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_whatever_is_offered_is_in_the_pages() -> None:
    written = (ROOT / "docs/entities.md").read_text("utf-8")
    for platform, key, _ in offered():
        assert ENGLISH["entity"][platform][key].get("name", "*the car's name*") in written
    for action in ENGLISH.get("services", {}):
        assert f"`driveway.{action}`" in written
    for issue in ENGLISH.get("issues", {}).values():
        assert re.sub(r"\{(\w+)\}", r"*\1*", issue["title"]) in written
    for step in ENGLISH.get("options", {}).get("step", {}).values():
        for part in (step, *step.get("sections", {}).values()):
            assert all(f"| {name} |" in written for name in part.get("data", {}).values())


def test_links_lead_somewhere() -> None:
    named = {target for page in PAGES for target in targets(page)}
    assert {target for target in named if not is_there(target)} == set()


def test_every_blueprint_can_be_imported_from_the_guide() -> None:
    folder = ROOT / "blueprints/automation/driveway"
    assert {str(path.relative_to(ROOT)) for path in folder.glob("*.yaml")} <= targets(GUIDE)


def test_both_languages_say_the_same() -> None:
    english, german = (FOLDER / "README.md", FOLDER / "README.de.md")
    own = {"custom_components/driveway/README.md", "custom_components/driveway/README.de.md"}
    assert targets(english) - own == targets(german) - own
    count = r"^(#+|-|\d\.) "
    assert len(re.findall(count, english.read_text("utf-8"), re.MULTILINE)) == len(
        re.findall(count, german.read_text("utf-8"), re.MULTILINE)
    )


def test_entities_in_the_examples_exist() -> None:
    known = {
        f"{platform}.{slugify('Anna ' + ENGLISH['entity'][platform][key].get('name', ''))}"
        for platform, key, _ in offered()
    }
    platforms = "|".join(ENGLISH["entity"])
    named = set(re.findall(rf"\b(?:{platforms})\.anna\w*", GUIDE.read_text("utf-8")))
    assert named
    assert named <= known


@pytest.mark.parametrize("example", examples(), ids=lambda example: example["alias"])
async def test_an_example_is_an_automation(hass: HomeAssistant, example: dict[str, Any]) -> None:
    assert await async_setup_component(hass, "automation", {"automation": [example]})
    await hass.async_block_till_done()
    state = hass.states.get(f"automation.{slugify(example['alias'])}")
    assert state is not None
    assert state.state == "on"


async def test_the_night_that_the_car_could_not_be_locked(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    assert await async_setup_component(hass, "persistent_notification", {})
    bridge.body(lock="unlocked")
    bridge.link(reachable=False, why_not="not_in_range")
    bridge.end(Outcome.FAILED, "not_in_range")
    [night] = [example for example in examples() if example["alias"] == "Lock the car at night"]
    night["actions"][1]["timeout"] = {"milliseconds": 10}  # nobody shall wait for half a minute here
    assert await async_setup_component(hass, "automation", {"automation": [night]})
    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.lock_the_car_at_night"})
    await hass.async_block_till_done()
    assert [command.command for command in bridge.commands] == ["lock"]
    [notice] = persistent_notification._async_get_or_create_notifications(hass).values()
    assert notice["title"] == "The car is not known to be locked"
    assert notice["message"] == "The last command ended with: Out of Bluetooth range"


async def test_the_night_in_which_a_door_stood_open(
    hass: HomeAssistant, home: MockConfigEntry, bridge: FakeBridge
) -> None:
    """The car is well reached: a message of "None" alone would be none to Home Assistant."""
    assert await async_setup_component(hass, "persistent_notification", {})
    bridge.body(lock="unlocked", front_driver_door="open")
    bridge.end(Outcome.REFUSED, "closures_open")
    [night] = [example for example in examples() if example["alias"] == "Lock the car at night"]
    night["actions"][1]["timeout"] = {"milliseconds": 10}
    assert await async_setup_component(hass, "automation", {"automation": [night]})
    await hass.services.async_call("automation", "trigger", {"entity_id": "automation.lock_the_car_at_night"})
    await hass.async_block_till_done()
    [notice] = persistent_notification._async_get_or_create_notifications(hass).values()
    assert notice["message"] == "The last command ended with: A door or lid is open"


@pytest.mark.parametrize(("lock", "told"), [("unlocked", 0), ("locked", 1)])
async def test_a_door_is_opened(
    hass: HomeAssistant,
    home: MockConfigEntry,
    bridge: FakeBridge,
    freezer: FrozenDateTimeFactory,
    lock: str,
    told: int,
) -> None:
    """The car tells of lock and door in one report: who unlocks it and gets in is no thief."""
    assert await async_setup_component(hass, "persistent_notification", {})
    bridge.tell_clock()  # it lives in the time of this story
    [door] = [example for example in examples() if example["alias"] == "A door of the locked car"]
    bridge.body(lock="locked", front_driver_door="closed")
    assert await async_setup_component(hass, "automation", {"automation": [door]})
    await hass.async_block_till_done()
    bridge.body(lock=lock, front_driver_door="open")
    await hass.async_block_till_done()
    freezer.tick(5)
    bridge.tell_clock()
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert len(persistent_notification._async_get_or_create_notifications(hass)) == told
