"""What the car says of itself on its standard output, whatever it would tell over the air."""

from __future__ import annotations

from driveway_bridge.simulator.car import Car


def test_whoever_listens_hears_of_comfort_too() -> None:
    car = Car()
    told: list[str] = []
    car.on_change = told.append
    car.climate.seat_heaters["rear_left"] = 2
    car.tell("hand")
    car.media.volume = 7.5
    car.tell("hand")
    car.tell("hand")
    assert told == ["hand", "hand"]
    assert car.facts()["comfort"]["seat_heat"]["rear_left"] == 2
    assert car.facts()["comfort"]["volume"] == 7.5
