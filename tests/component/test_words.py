"""Words that stand in more than one place say the same there."""

import re
from pathlib import Path

import pytest

import driveway_bridge
from component_source import ENGLISH, LANGUAGES
from custom_components.driveway import event, pairing_flow
from custom_components.driveway.lock import CHANGED_BY
from custom_components.driveway.reasons import REASONS
from custom_components.driveway.sensor_way import OBSTACLES

FAILED = pairing_flow.FAILURES | {"unloaded", "unknown_reason"}


def test_words_that_are_shown_are_words_that_are_said() -> None:
    assert REASONS.keys() >= set(OBSTACLES)
    by = ENGLISH["entity"]["event"]["lock"]["state_attributes"][event.ATTR_BY]["state"]
    assert by.keys() == set(event.BY) == CHANGED_BY.keys()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_dialog_says_of_a_failure_what_the_table_of_reasons_says(language: str) -> None:
    texts = LANGUAGES[language]
    for errors in (texts["config"]["error"], texts["config_subentries"]["vehicle"]["error"]):
        for code in FAILED:
            assert f"{{car}}: {errors[code]}" == texts["exceptions"][code]["message"]


def test_whatever_a_pairing_can_end_with_is_a_failure_with_a_text() -> None:
    """The codes that stand in what the bridge does for it, and in what the car says of its keys."""
    bridge = Path(driveway_bridge.__file__).parent
    named = {
        item
        for name in ("pairing.py", "enrolment.py", "operations.py", "protocol/faults.py")
        for item in re.findall(r'"([a-z_]+)"', (bridge / name).read_text("utf-8"))
    }
    of_commands = {"low_power_mode", "parental_controls", "not_in_park", "not_plugged_in", "no_charging_power"}
    of_commands |= {"comfort_remote_off", "wrong_pin", "not_supported_by_car"}
    ends = {"done", "already_so", "already_enrolled", "not_synchronised"}
    assert (named & REASONS.keys()) - ends - of_commands <= pairing_flow.FAILURES
