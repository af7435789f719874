"""The first link: the configuration file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from driveway_bridge import config
from driveway_bridge.doctor.case import Case
from driveway_bridge.doctor.finding import Finding, State, ok
from driveway_bridge.errors import ConfigurationError


async def examine(case: Case, _tell: Callable[[str], None]) -> Finding:
    """Read the file; what it says is what all the others are about."""
    try:
        settings = await asyncio.to_thread(config.load, case.file, case.environment)
    except ConfigurationError as error:
        several = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        return Finding(
            state=State.BROKEN,
            found=f"{error.problems[0]}{several}",
            remedy=f"Correct it; `driveway check-config --config {case.file}` shows every problem with its place.",
            reason=error.reason,
        )
    case.settings = settings
    cars = ", ".join(car.name for car in settings.cars)
    return ok(f"readable and valid: {cars}")
