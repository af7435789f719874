"""One virtual computer for all tests here, booted once; where it cannot be had they are skipped, with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.figures import Figures
from tests.radio.machine import CannotBeMadeError, Machine
from tests.radio.owner import CONFIGURATION, Owner
from tests.radio.street import Street

RELEASES = ("bookworm", "trixie")
_FIGURES = pytest.StashKey[Figures]()
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--machine", choices=RELEASES, default=RELEASES[0], help="Debian's release in the machine")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = Figures()
    config.addinivalue_line("markers", "only_on(release, reason): shows the same on any system, and takes long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The machine, its street and its owner live in one loop, so all tests here share it."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and isinstance(item, pytest.Function):
            _skip_on_others(item)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))  # the first one's time includes the machine's start


def _skip_on_others(item: pytest.Item) -> None:
    """What shows the same on any system, and takes long, is shown on one: `@pytest.mark.only_on("trixie", reason)`."""
    if (marker := item.get_closest_marker("only_on")) is not None:
        release, reason = marker.args
        if item.config.getoption("--machine") != release:
            item.add_marker(pytest.mark.skip(f"{reason}: with --machine {release}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_FAILED] = report.failed or item.stash.get(_FAILED, False)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if table := config.stash[_FIGURES].table():
        terminalreporter.section(f"figures, {config.getoption('--machine')}")
        for line in table:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return pytestconfig.stash[_FIGURES]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def machine(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, figures: Figures
) -> AsyncIterator[Machine]:
    release: str = pytestconfig.getoption("--machine")
    began = asyncio.get_running_loop().time()
    try:
        async with Machine.running(release, tmp_path_factory.mktemp("machine")) as made:
            figures.note("the machine's start", asyncio.get_running_loop().time() - began)
            yield made
    except CannotBeMadeError as error:
        pytest.skip(f"no virtual computer: {error}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def street(machine: Machine) -> AsyncIterator[Street]:
    async with Street.around(machine) as made:
        await made.plug_in()
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def owner(machine: Machine, street: Street) -> AsyncIterator[Owner]:
    async with Owner.at(machine) as made:
        street.live.virtual.enrol(made.public_key)
        yield made


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def logs_of_a_failure(request: pytest.FixtureRequest, machine: Machine) -> AsyncIterator[None]:
    """A test that fails leaves the logs of its time beside its own story."""
    since = (await machine.sh("date +%s")).strip()
    yield
    if request.node.stash.get(_FAILED, False):
        print(await machine.sh(f"journalctl --no-pager --quiet --output short-precise --since @{since} | tail -n 150"))  # noqa: T201


@pytest_asyncio.fixture(loop_scope="session")
async def at_home(street: Street, owner: Owner) -> AsyncIterator[Owner]:
    """The bridge runs and reaches the car; afterwards the street is as it was."""
    since = None
    if not await owner.runs():
        since = len(owner.house.heard)  # what an earlier start has said does not count
        await owner.start()
    await owner.until("link", lambda link: link["reachable"] is True, since=since)
    yield owner
    await street.put_right()


@pytest_asyncio.fixture(loop_scope="session")
async def stopped(street: Street, owner: Owner) -> AsyncIterator[Owner]:
    """The bridge does not run, so that the command line has the car for itself; afterwards the street is as it was."""
    await owner.stop()
    await owner.machine.sh(f"cat >/etc/driveway/driveway.yaml <<'END'\n{CONFIGURATION}\nEND")
    yield owner
    await street.put_right()
