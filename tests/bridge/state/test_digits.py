"""Numbers are shown with the digits that the car meant."""

from __future__ import annotations

import pytest

from driveway_bridge.proto import vehicle
from driveway_bridge.state.charge import Charge


@pytest.mark.parametrize("miles", [192.2, 0.1, 0.0, 258.73, 3.3])
def test_a_four_byte_float_loses_its_tail(miles: float) -> None:
    message = vehicle.ChargeState(battery_range=miles)
    assert Charge.from_message(message).range_miles == miles


def test_no_number_is_none() -> None:
    assert Charge.from_message(vehicle.ChargeState(battery_range=float("nan"))).range_miles is None
    assert Charge.from_message(vehicle.ChargeState(battery_range=float("-inf"))).range_miles is None
