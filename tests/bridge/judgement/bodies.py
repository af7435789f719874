"""What the body of a car says, made up."""

from __future__ import annotations

from driveway_bridge.known import CLOSURES
from driveway_bridge.state.body import Body, ClosureState, LockState


def body(*, asleep: bool | None = False, inside: bool = False, locked: bool = True, **closures: ClosureState) -> Body:
    """What the body says; doors and lids are closed, and a sleeping car does not tell of them."""
    lids = {} if asleep else dict.fromkeys(CLOSURES, ClosureState.CLOSED) | closures
    lock = LockState.LOCKED if locked else LockState.UNLOCKED
    return Body(lock=lock, asleep=asleep, user_present=inside, **lids)
