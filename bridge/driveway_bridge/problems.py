"""What does not work right now, in codes of `reasons.REASONS` with the part concerned. Pure judgement on reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from driveway_bridge.contract import LinkState
from driveway_bridge.reasons import OF_THE_RADIO, REASONS

RADIO, BROKER, EAR, CLIENTS, AUDIT = "radio", "broker", "ear", "clients", "audit"
_BY_STATE = {"deaf": "radio_deaf", "healing": "radio_deaf", "missing": "no_adapter"}


class Problem(NamedTuple):
    """One thing that does not work.

    `part` is `radio`, `broker`, `ear` (the way of commands to us), `clients`, `audit` or a car's id.
    """

    part: str
    reason: str


def of_radio(report: Mapping[str, Any]) -> Iterator[Problem]:
    """What the radio says of itself; nothing while it is just starting. Of several, what each of them says."""
    if several := report.get("radios"):
        told = dict.fromkeys(str(one.get("reason")) for one in several)
        yield from (Problem(RADIO, reason) for reason in told if reason in REASONS)
        return
    if report.get("state") in _BY_STATE:
        reason = str(report.get("reason"))
        yield Problem(RADIO, reason if reason in REASONS else _BY_STATE[report["state"]])


def of_broker(report: Mapping[str, Any]) -> Iterator[Problem]:
    """Whether we are connected, and then whether commands reach us; and whether somebody else says that he is us."""
    if report.get("twice"):
        yield Problem(BROKER, "bridge_twice")
    if report.get("connected") is False:
        yield Problem(BROKER, "broker_away")
    elif (report.get("ear") or {}).get("ok") is False:
        yield Problem(EAR, "commands_not_heard")


def of_what_is_kept(clients: Mapping[str, Any], audit: Mapping[str, Any]) -> Iterator[Problem]:
    """Whether it is known who may sign, and whether it can be written down what was done."""
    if clients.get("readable") is False:
        yield Problem(CLIENTS, "clients_unreadable")
    if audit.get("works") is False:
        yield Problem(AUDIT, "audit_unwritten")


def of_car(
    car: str, link: LinkState, lasting: Iterable[str], budget: Mapping[str, Any], *, radio_works: bool
) -> Iterator[Problem]:
    """What stands between the bridge and a car that is not simply away."""
    reasons = list(lasting)
    if link.reachable is False and link.in_range is not False and link.why_not not in (None, "not_in_range"):
        reasons.append(link.why_not)
    if link.places_free is False and not link.linked:
        reasons.append("places_full")
    if 0 < budget.get("wakes_allowed", 0) <= budget.get("wakes_today", 0):
        reasons.append("wake_budget_spent")
    for reason in dict.fromkeys(reasons):
        if radio_works or reason not in OF_THE_RADIO:
            yield Problem(car, reason)
