"""All commands that are offered, by name, and the one way to make one from a name and untrusted arguments."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from driveway_bridge.commands import (
    charging,
    climate,
    closures,
    homelink,
    keys,
    media,
    navigation,
    read,
    restrictions,
    schedules,
    seats,
    security,
    sentry,
    settings,
    signals,
    software,
)
from driveway_bridge.commands.base import Command
from driveway_bridge.commands.parameter import check_arguments
from driveway_bridge.commands.specification import Specification
from driveway_bridge.errors import NotAdmitted

_SUBJECTS: Final = (
    security,
    closures,
    charging,
    schedules,
    climate,
    seats,
    media,
    signals,
    homelink,
    sentry,
    restrictions,
    settings,
    software,
    navigation,
    keys,
    read,
)
SPECIFICATIONS: Final[Mapping[str, Specification]] = MappingProxyType(
    {specification.name: specification for subject in _SUBJECTS for specification in subject.SPECIFICATIONS}
)
"""By name, in the order of the list of commands."""


def build(name: str, arguments: Mapping[str, object]) -> Command:
    """Make a command; NotAdmitted("unknown_command") or ("bad_arguments"), the detail naming the argument."""
    specification = SPECIFICATIONS.get(name)
    if specification is None:
        raise NotAdmitted("unknown_command")
    check_arguments(name, specification.parameters, arguments)
    return specification.build(**{key: value for key, value in arguments.items() if value is not None})
