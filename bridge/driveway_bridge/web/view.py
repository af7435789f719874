"""What the page sees of the bridge; the bridge itself stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from driveway_bridge.audit.history import Shown
    from driveway_bridge.car import Car
    from driveway_bridge.contract import Result
    from driveway_bridge.signal_history import SignalPoint


class View(Protocol):
    """Read at each request; nothing here may wait for the car but `command`."""

    def health(self) -> dict[str, Any]:
        """The document that is published as the bridge's health."""
        ...

    def cars(self) -> Sequence[Car]:
        """Every car, in the order of the configuration."""
        ...

    def log(self, limit: int) -> Sequence[Shown]:
        """The last commands, the newest first."""
        ...

    def signal(self, car_id: str) -> Sequence[SignalPoint]:
        """The signal history of one car, the oldest minute first; KeyError when there is no such car."""
        ...

    def code(self) -> str:
        """The bridge's code, which Home Assistant asks for."""
        ...

    async def command(self, car_id: str, command: str) -> Result:
        """Carry out `lock` or `unlock` to its final result, on the same way as a signed command."""
        ...
