"""What is made of values that no car should tell."""

import pytest

from custom_components.driveway.health import Health
from custom_components.driveway.state import SubjectState, finite


@pytest.mark.parametrize("told", [10**400, -(10**400), float("inf"), float("nan"), True, "7", None, [7]])
def test_what_is_no_usable_number_is_none(told: object) -> None:
    assert finite(told) is None


def test_a_number_of_four_hundred_digits_breaks_nothing() -> None:
    digits = "9" * 400
    state = SubjectState.parse(f'{{"boot": "boot1", "battery_percent": {{"value": {digits}, "at": {digits}}}}}')
    assert state.readings["battery_percent"].at is None
    assert Health.parse(f'{{"uptime_s": {digits}}}').number("uptime_s") is None
