"""The infotainment computer. It hears nothing while the car sleeps, and for some seconds after it woke up.

Source: the vehicle-command protocol, "infotainment".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from driveway_bridge.proto import Action, DecodeError, Response, RoutableMessage, car_server
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.actions.row import READERS, Asked, RefusedError
from driveway_bridge.simulator.actions.table import ROWS
from driveway_bridge.simulator.computer import (
    BUSY,
    DECODING,
    INSUFFICIENT_PRIVILEGES,
    INTERNAL,
    INVALID_COMMAND,
    RESPONSE_MTU_EXCEEDED,
    UNKNOWN_KEY_ID,
    Answer,
    Computer,
    Onboard,
    Signed,
)
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.profiles import Profile, between
from driveway_bridge.simulator.states.table import TooManyError, read
from driveway_bridge.simulator.verifier import RejectedError
from driveway_bridge.simulator.whitelist import Entry

READ = "getVehicleData"


class Infotainment(Computer):
    """Domain 3."""

    domain: ClassVar = Domain.INFOTAINMENT
    strict: ClassVar = False

    def __init__(
        self,
        onboard: Onboard,
        key: PrivateKey,
        random: Callable[[int], bytes],
        *,
        profile: Profile,
        random_boot: Callable[[int], bytes],
    ) -> None:
        super().__init__(onboard, key, random)
        self._profile = profile
        self._random_boot = random_boot
        self._runs_from: float | None = None if onboard.car.asleep else float("-inf")

    def follow_sleep(self, now: float) -> None:
        """Look whether the car fell asleep or woke up."""
        if self._onboard.car.asleep:
            self._runs_from = None
        elif self._runs_from is None:
            shortest, spread = self._profile.boot_s, self._profile.boot_spread_s
            self._runs_from = now + between(self._random_boot, shortest, shortest + spread)

    def answer(self, request: RoutableMessage, now: float) -> Answer:
        """Answer while it runs; silence else."""
        if self._runs_from is None:
            return Answer()
        if now < self._runs_from:
            return self._starting(request)
        self._onboard.car.stir()
        return super().answer(request, now)

    def _starting(self, request: RoutableMessage) -> Answer:
        for fault, number in ((Fault.BOOT_BUSY, BUSY), (Fault.BOOT_INTERNAL, INTERNAL)):
            if self._faults.strikes(fault):
                return Answer([self.error(request, number)])
        return Answer()

    def enrolled(self, public: bytes, now: float) -> Entry | None:
        """A new key is known here a little later than to the body controller."""
        entry = super().enrolled(public, now)
        return entry if entry and entry.known_everywhere_at <= now else None

    def unknown_key(self, request: RoutableMessage) -> RoutableMessage:
        """A fault, unlike the body controller."""
        return self.error(request, UNKNOWN_KEY_ID)

    def busy(self, signed: Signed) -> RoutableMessage:
        """A fault, unlike the body controller."""
        return self.error(signed.request, BUSY)

    def execute(self, signed: Signed) -> Answer:
        """Do the action, or tell what was asked for. Raises RejectedError."""
        try:
            action = Action.FromString(signed.proof.plaintext).vehicleAction
        except DecodeError:
            raise RejectedError(DECODING) from None
        name = action.WhichOneof("vehicle_action_msg")
        self._onboard.report(
            "command",
            name=name or "unknown",
            key=signed.entry.key_id.hex(),
            counter=signed.proof.counter,
            domain="infotainment",
        )
        may = READERS if name == READ else ROWS[name].may if name in ROWS else None
        if name is None or may is None:
            raise RejectedError(INVALID_COMMAND)
        if signed.entry.role not in may:
            raise RejectedError(INSUFFICIENT_PRIVILEGES)
        try:
            response = self._respond(name, action, signed)
        except RefusedError as refusal:
            return Answer(self.sealed(signed, [self._refusal(str(refusal))]))
        finally:
            self._onboard.car.tell(signed.by)
        replies = self.sealed(signed, [response])
        if any(reply.ByteSize() > self._profile.reply_limit for reply in replies):
            replies = [self.error(signed.request, RESPONSE_MTU_EXCEEDED)]
        return Answer(replies, executed=True)

    def _respond(self, name: str, action: car_server.VehicleAction, signed: Signed) -> Response:
        car = self._onboard.car
        if name == READ:
            try:
                return read(action.getVehicleData, car, self._faults)
            except TooManyError:
                raise RejectedError(RESPONSE_MTU_EXCEEDED) from None
        response = ROWS[name].do(Asked(car=car, by=signed.by, faults=self._faults), getattr(action, name))
        if response is None:
            response = Response()
            response.actionStatus.SetInParent()
        return response

    def _refusal(self, reason: str) -> Response:
        self._onboard.report("refused", fault=reason, code=1)
        response = Response()
        response.actionStatus.result = car_server.OperationStatus_E.OPERATIONSTATUS_ERROR
        response.actionStatus.result_reason.plain_text = reason
        return response
