"""The drill and the actions in the real house: the car hears them, and the drill leaves it as it was."""

from __future__ import annotations

import pytest

from house.house import LOCK, House
from house.websocket import CommandFailed

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]
UNTOLD = ("unknown", "unavailable")
RESULT, TOOK = "sensor.anna_result_of_the_last_drill", "sensor.anna_duration_of_the_last_drill"


async def test_a_drill_goes_all_the_way_and_moves_nothing(house: House) -> None:
    before = house.car.locked
    await house.websocket.call("button.press", "button.anna_drill")
    await house.websocket.becomes(RESULT, "good", timeout_s=20)
    await house.websocket.states.until(lambda states: states[TOOK].state not in UNTOLD, timeout_s=20)
    assert house.websocket.states.value[RESULT].attributes["reason"] == "done"
    assert 0 < float(house.websocket.states.value[TOOK].state) < 5000
    assert house.car.locked is before


async def test_a_question_is_answered_by_the_car(house: House) -> None:
    answer = await house.websocket.command(
        "call_service",
        domain="driveway",
        service="read",
        target={"entity_id": LOCK},
        service_data={"question": "status"},
        return_response=True,
    )
    assert answer["response"][LOCK]["lock"] in ("locked", "unlocked")


async def test_what_the_bridge_refuses_is_told(house: House) -> None:
    with pytest.raises(CommandFailed) as caught:
        await house.websocket.call("driveway.command", LOCK, command="fly")
    assert caught.value.key == "unknown_command"
