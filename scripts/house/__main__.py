"""`python -m house`: shows the demo house, or checks it. scripts/demo gets what it needs and calls this."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from house import check, demo, offline
from house.house import House
from house.processes import HouseError


def main() -> int:
    """Run it; the exit status: 0 all went well (or Ctrl-C at the demo), 1 something failed, 130 Ctrl-C at a check."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="The house around a virtual car, on this machine."
    )
    parser.add_argument("--check", action="store_true", help="run the main job without a person; ends with a JSON line")
    parser.add_argument(
        "--offline",
        action="store_true",
        help="with --check: no cloud, and every socket but the broker's and the radio's is refused",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs when all went well, too")
    options = parser.parse_args()
    if options.offline and not options.check:
        parser.error("--offline goes with --check")
    isolated = options.offline and offline.leave_the_network()
    folder = Path(tempfile.mkdtemp(prefix="driveway-demo-"))
    try:
        if options.check:
            status = asyncio.run(_until_interrupted(_check(folder, offline_only=options.offline, isolated=isolated)))
        else:
            status = asyncio.run(_until_interrupted(_show(folder)))
    except asyncio.CancelledError:
        demo.say("\nEverything has ended." if not options.check else "\nInterrupted; everything has ended.")
        status = 130 if options.check else 0
    if status == 1 or options.keep:
        print(f"The logs are in {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return status


async def _until_interrupted(work: Any) -> int:
    """Do the work; Ctrl-C, a closed terminal and a polite kill cancel it, a second one does not hurry it."""
    task: asyncio.Task[int] = asyncio.create_task(work)

    def end() -> None:
        if not task.cancelling():
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end)
    return await task


async def _show(folder: Path) -> int:
    try:
        await demo.show(folder)
    except HouseError as error:
        print(f"\n{error}", file=sys.stderr)
    return 1


async def _check(folder: Path, *, offline_only: bool, isolated: bool) -> int:
    report = check.Report(demo.say)
    guard = offline.Guard(folder / "guard.jsonl") if offline_only else None
    # The one as the demo shows it, the other as it is when an owner says nothing.
    house = House(folder, with_cloud=not offline_only, guard=guard, hold="10" if offline_only else "keep")
    setup_s = None
    try:
        async with report.step("The house starts"):
            await house.start()
        setup_s = round(demo.seconds_since_begin(), 1)
        await report.perform(house, check.OFFLINE if offline_only else check.MAIN_JOB)
    except (HouseError, TimeoutError, OSError) as error:
        print(f"{error}", file=sys.stderr)
    finally:
        await house.stop()
    more: dict[str, Any] = {"setup_s": setup_s}
    if guard:
        more |= {"only_loopback": isolated, "guarded": len(guard.guarded()), "refused": guard.refused()}
    if not report.ok:
        more["logs"] = str(folder)
    demo.say(json.dumps(report.as_object(**more)))
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
