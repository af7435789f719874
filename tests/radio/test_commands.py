"""The whole way: the broker, the bridge as a service, BlueZ, the kernel, the air, the car."""

from __future__ import annotations

from driveway_bridge.contract import Outcome
from tests.figures import Figures
from tests.radio.owner import Owner
from tests.radio.street import Street


async def test_the_car_is_found_locked_and_unlocked(street: Street, owner: Owner, figures: Figures) -> None:
    await owner.start()
    link = await owner.until("link", lambda link: link["in_range"] is True)
    assert link["signal_dbm"] == street.air.rssi_dbm
    unlocked = await owner.command("unlock")
    assert unlocked.outcome is Outcome.CONFIRMED, unlocked
    assert not street.locked()
    figures.note("unlock, with the first connection and its session", unlocked.phases_ms["total"] / 1000)
    locked = await owner.command("lock")
    assert locked.outcome is Outcome.CONFIRMED, locked
    assert street.locked()
    figures.note("lock, on the same link", locked.phases_ms["total"] / 1000)
    await owner.stop()
