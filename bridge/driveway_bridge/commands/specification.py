"""What is told about a command beside its bytes: for owners, for permission lists and for whoever passes it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from driveway_bridge.commands.base import Command
from driveway_bridge.commands.parameter import Parameter
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.state.keys import Role

EVERYBODY: Final = frozenset({Role.OWNER, Role.DRIVER, Role.CHARGING_MANAGER, Role.VEHICLE_MONITOR})
CHARGING: Final = frozenset({Role.OWNER, Role.DRIVER, Role.CHARGING_MANAGER})
DRIVING: Final = frozenset({Role.OWNER, Role.DRIVER})
OWNING: Final = frozenset({Role.OWNER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """One command that is offered."""

    name: str
    subject: str
    """The module, and the heading in the list of commands."""
    summary: str
    """What it does, in the owner's words: one sentence."""
    build: Callable[..., Command]
    """Takes the parameters by name; raises NotAdmitted("bad_arguments")."""
    parameters: tuple[Parameter, ...] = ()
    domain: Domain = Domain.INFOTAINMENT
    roles: frozenset[Role] = DRIVING
    """Keys that may do it, as far as is known; the car has the last word."""
    authenticated: bool = True
    """It needs a key at all."""
    idempotent: bool = True
    reads: bool = False
    verified_by: str = ""
    """The command that reads whether it was done; empty: the car does not tell."""
    opens: bool = False
    """It opens, unlocks or starts something, or changes keys, PINs or what others may do."""
    unofficial: bool = False
    """Not in the maker's public definitions: it may do nothing."""

    @property
    def works_asleep(self) -> bool:
        """The body controller never sleeps; infotainment has to be woken first."""
        return self.domain is Domain.VEHICLE_SECURITY
