"""A command that somebody gives to a car, without MQTT around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from driveway_bridge.car import NOTHING, Car
from driveway_bridge.lane import Priority

if TYPE_CHECKING:
    from driveway_bridge.errand import Execution


async def give(
    car: Car, name: str, *, timeout_s: float | None = None, arguments: Mapping[str, object] = NOTHING
) -> Execution:
    """Carry out a command in its turn, as the router does."""

    async def work() -> Execution:
        equipment = await car.equipment()
        command = equipment.make(name, arguments)
        execution = await equipment.vehicle.execute(command, timeout_s=timeout_s)
        car.take(command, execution, asked=True)
        return execution

    priority = Priority.LOCK if name in ("lock", "unlock") else Priority.ORDER
    return await car.lane.run(car.lane.enter(priority, name), work)
