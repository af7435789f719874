"""The infotainment computer. It hears nothing while the car sleeps, and for some seconds after it woke up."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from driveway_bridge.proto import Action, DecodeError, Response, RoutableMessage
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.computer import (
    BUSY,
    DECODING,
    INVALID_COMMAND,
    UNKNOWN_KEY_ID,
    Answer,
    Computer,
    Onboard,
    Signed,
)
from driveway_bridge.simulator.verifier import RejectedError


class Infotainment(Computer):
    """Domain 3."""

    domain: ClassVar = Domain.INFOTAINMENT
    strict: ClassVar = False

    def __init__(
        self, onboard: Onboard, key: PrivateKey, random: Callable[[int], bytes], *, boot_s: float = 0.0
    ) -> None:
        """`boot_s`: seconds from the wake-up of the car to the first answer."""
        super().__init__(onboard, key, random)
        self._boot_s = boot_s
        self._runs_from: float | None = None if onboard.car.asleep else float("-inf")

    def follow_sleep(self, now: float) -> None:
        """Look whether the car fell asleep or woke up."""
        if self._onboard.car.asleep:
            self._runs_from = None
        elif self._runs_from is None:
            self._runs_from = now + self._boot_s

    def answer(self, request: RoutableMessage, now: float) -> Answer:
        """Answer while it runs; silence else."""
        if self._runs_from is None or now < self._runs_from:
            return Answer()
        return super().answer(request, now)

    def unknown_key(self, request: RoutableMessage) -> RoutableMessage:
        """A fault, unlike the body controller."""
        return self.error(request, UNKNOWN_KEY_ID)

    def busy(self, signed: Signed) -> RoutableMessage:
        """A fault, unlike the body controller."""
        return self.error(signed.request, BUSY)

    def execute(self, signed: Signed) -> Answer:
        """Answer a ping; other actions are unknown to this car's firmware."""
        try:
            action = Action.FromString(signed.proof.plaintext)
        except DecodeError:
            raise RejectedError(DECODING) from None
        name = action.vehicleAction.WhichOneof("vehicle_action_msg")
        self._onboard.report(
            "command",
            name=name or "unknown",
            key=signed.entry.key_id.hex(),
            counter=signed.proof.counter,
            domain="infotainment",
        )
        if name != "ping":
            raise RejectedError(INVALID_COMMAND)
        response = Response()
        response.actionStatus.SetInParent()
        return Answer(self.sealed(signed, [response]), executed=True)
