"""`driveway run`: the bridge itself."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import sys
from pathlib import Path

import click

from driveway_bridge import app, frugal, journal
from driveway_bridge.cli.options import data_option
from driveway_bridge.link.healing import RadioGivenUp
from driveway_bridge.settings import Settings

_LOGGER = logging.getLogger(__name__)
START_ME_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h."""
_ONLY_FOR_READING = (
    *(
        f"driveway_bridge.config{part}"
        for part in ("", "_options", "_remarks", "_schema", "_secrets", "_tls", "_values")
    ),
    "driveway_bridge.yaml_file",
    "ruamel",
    "voluptuous",
)
"""What reads the configuration, 2 MB, is forgotten afterwards; what talks to cars then takes its place in memory."""


@click.command()
@click.option(
    "--config",
    "-c",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The configuration file.",
)
@data_option
@click.option(
    "--log-level",
    type=click.Choice(journal.LEVELS),
    default="info",
    show_default=True,
    help="From where on something is worth a line in the log, which goes to standard error.",
)
def run(file: Path, data: Path, log_level: str) -> None:
    """Run the bridge until it is told to stop (Ctrl-C, SIGTERM).

    At the very first start the log shows the bridge's code, which Home Assistant asks for. SIGHUP makes it read the
    configuration again; a wrong one is refused, with its problems in the log.
    """
    frugal.one_heap()
    frugal.no_legacy_ciphers()
    settings, remarks = _read(file)
    journal.open_log(log_level)
    _tell(file, remarks)
    if settings.web is not None:
        frugal.no_authorities()
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)  # of a bridge that hangs and is ended for it, the log says where it hung
    try:
        asyncio.run(app.run(settings, data, reread=lambda: _reread(file)))
    except RadioGivenUp as error:
        _LOGGER.error("%s %s", error, error.detail)  # noqa: TRY400 - the sentence, not how the bridge got there
        sys.exit(START_ME_AGAIN)


def _read(file: Path) -> tuple[Settings, list[str]]:
    """What the file says, and what is allowed but weak in it."""
    with frugal.forgetting(*_ONLY_FOR_READING):
        return _understood(file)


def _understood(file: Path) -> tuple[Settings, list[str]]:
    from driveway_bridge import config, config_remarks  # to be forgotten

    understood = config.understand(file)
    return understood.settings, config_remarks.remarks(understood)


def _reread(file: Path) -> Settings:
    settings, remarks = _read(file)
    _tell(file, remarks)
    return settings


def _tell(file: Path, remarks: list[str]) -> None:
    for remark in remarks:
        _LOGGER.warning("%s: %s", file.name, remark)
