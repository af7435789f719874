"""The body controller (VCSEC): locks, lids, keys, and the car's state for everybody who asks.

It works while the car sleeps. Source: the vehicle-command protocol, "vehicle security".
"""

from __future__ import annotations

from typing import ClassVar

from driveway_bridge.proto import (
    AuthenticationRequest,
    AuthenticationRequestToken,
    ClosureMoveRequest,
    ClosureMoveType_E,
    CommandStatus,
    DecodeError,
    FromVCSECMessage,
    GenericError_E,
    Message,
    RKEAction_E,
    Role,
    RoutableMessage,
    SignedMessage_status,
    UnsignedMessage,
    VcsecOperationStatus_E,
    vcsec,
)
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.simulator.car import CLOSED, CLOSURES, DOORS, OPEN, Car, DoorOpenError
from driveway_bridge.simulator.computer import DECODING, INVALID_COMMAND, Answer, Computer, Signed
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.key_operations import KeyOperations, KeyRefusedError, information_name, outcome
from driveway_bridge.simulator.parts.drive import Gear
from driveway_bridge.simulator.vehicle_status import inform, vehicle_status
from driveway_bridge.simulator.verifier import RejectedError

TOKEN_SIZE = 20

_RKE_NAMES = {
    RKEAction_E.RKE_ACTION_UNLOCK: "unlock",
    RKEAction_E.RKE_ACTION_LOCK: "lock",
    RKEAction_E.RKE_ACTION_OPEN_TRUNK: "open_trunk",
    RKEAction_E.RKE_ACTION_OPEN_FRUNK: "open_frunk",
    RKEAction_E.RKE_ACTION_OPEN_CHARGE_PORT: "open_charge_port",
    RKEAction_E.RKE_ACTION_CLOSE_CHARGE_PORT: "close_charge_port",
    RKEAction_E.RKE_ACTION_REMOTE_DRIVE: "remote_drive",
    RKEAction_E.RKE_ACTION_AUTO_SECURE_VEHICLE: "auto_secure",
    RKEAction_E.RKE_ACTION_WAKE_VEHICLE: "wake",
}
_DRIVERS = {Role.ROLE_OWNER, Role.ROLE_DRIVER, Role.ROLE_GUEST}
_MAY: dict[str, set[Role]] = {
    "unlock": {*_DRIVERS, Role.ROLE_SERVICE},
    "lock": {*_DRIVERS, Role.ROLE_SERVICE},
    "wake": {*_DRIVERS, Role.ROLE_CHARGING_MANAGER},
}
"""What others than drivers may do."""
_MOVES = ClosureMoveType_E
_OPENING = {_MOVES.CLOSURE_MOVE_TYPE_OPEN, _MOVES.CLOSURE_MOVE_TYPE_MOVE, _MOVES.CLOSURE_MOVE_TYPE_OVERRIDE_OPEN}
_CLOSING = {_MOVES.CLOSURE_MOVE_TYPE_CLOSE, _MOVES.CLOSURE_MOVE_TYPE_OVERRIDE_CLOSE}


class _NominalError(Exception):
    """Authenticated, but not to be done: `error` says why."""

    def __init__(self, error: GenericError_E) -> None:
        super().__init__(GenericError_E.Name(error))
        self.error = error


class VehicleSecurity(Computer):
    """Domain 2."""

    domain: ClassVar = Domain.VEHICLE_SECURITY
    strict: ClassVar = True

    # Said without being asked.

    def status_push(self) -> RoutableMessage:
        """The state, for everybody on a link."""
        return self._broadcast(FromVCSECMessage(vehicleStatus=vehicle_status(self._onboard)))

    def authentication_request(self, token: bytes) -> RoutableMessage:
        """The call for phone keys, which others have to ignore."""
        call = AuthenticationRequest(sessionInfo=AuthenticationRequestToken(token=token))
        call.requestedLevel = 2  # type: ignore[assignment]  # drive, as a real car was seen to ask for
        call.reasonsForAuth.append(1)  # type: ignore[arg-type]  # identification
        return self._broadcast(FromVCSECMessage(authenticationRequest=call))

    def _broadcast(self, message: FromVCSECMessage) -> RoutableMessage:
        push = RoutableMessage(protobuf_message_as_bytes=message.SerializeToString())
        push.to_destination.domain = Domain.BROADCAST  # type: ignore[assignment]
        push.from_destination.domain = self.domain  # type: ignore[assignment]
        return push

    # Requests without a signature.

    def read_unsigned(self, request: RoutableMessage) -> Answer | None:
        """Answer questions about state and keys, pass on new keys; everything else has to be signed."""
        if request.WhichOneof("payload") != "protobuf_message_as_bytes":
            return None
        try:
            message = UnsignedMessage.FromString(request.protobuf_message_as_bytes)
        except DecodeError:
            return Answer([self.error(request, DECODING)])
        match message.WhichOneof("sub_message"):
            case "WhitelistOperation":
                return Answer(enrolment=message.WhitelistOperation)
            case "InformationRequest":
                try:
                    return Answer([self.plain(request, inform(self._onboard, message.InformationRequest))])
                except RejectedError as rejection:
                    return Answer([self.error(request, rejection.fault)])
        return None

    # Signed requests.

    def unknown_key(self, request: RoutableMessage) -> RoutableMessage:
        """Session information with a status and nothing else."""
        return self.not_on_whitelist(request)

    def busy(self, signed: Signed) -> RoutableMessage:
        """An application message, not a fault."""
        status = CommandStatus(operationStatus=VcsecOperationStatus_E.OPERATIONSTATUS_WAIT)
        return self.sealed(signed, [FromVCSECMessage(commandStatus=status)])[0]

    def execute(self, signed: Signed) -> Answer:
        """Do it and acknowledge, or say what is in the way."""
        try:
            message = UnsignedMessage.FromString(signed.proof.plaintext)
        except DecodeError:
            raise RejectedError(DECODING) from None
        try:
            match message.WhichOneof("sub_message"):
                case "InformationRequest":
                    told = inform(self._onboard, message.InformationRequest)
                    return Answer(self.sealed(signed, [None, told]), executed=True)
                case "RKEAction":
                    self._act(message.RKEAction, signed)
                case "closureMoveRequest":
                    self._permit("move", signed)
                    self._move(message.closureMoveRequest, signed.by)
                case "WhitelistOperation":
                    return self._change_keys(message.WhitelistOperation, signed)
                case _:
                    raise RejectedError(INVALID_COMMAND)
        except _NominalError as refusal:
            self._onboard.report("refused", fault=GenericError_E.Name(refusal.error), code=refusal.error)
            nominal = FromVCSECMessage()
            nominal.nominalError.genericError = refusal.error
            return Answer(self.sealed(signed, [*self._legacy_error(signed), nominal]))
        return Answer(self.sealed(signed, self._acknowledgement(signed)), executed=True)

    def _legacy_error(self, signed: Signed) -> list[Message | None]:
        """What old firmware says before the answer that counts."""
        if not self._faults.strikes(Fault.LEGACY_ERROR):
            return []
        status = CommandStatus(
            operationStatus=VcsecOperationStatus_E.OPERATIONSTATUS_ERROR,
            signedMessageStatus=SignedMessage_status(counter=signed.proof.counter),
        )
        return [FromVCSECMessage(commandStatus=status)]

    def _acknowledgement(self, signed: Signed) -> list[Message | None]:
        before = self._legacy_error(signed)
        if not self._faults.strikes(Fault.THREE_PART_REPLY):
            return [*before, None]
        fine = CommandStatus(signedMessageStatus=SignedMessage_status(counter=signed.proof.counter))
        in_order = FromVCSECMessage(commandStatus=CommandStatus())
        return [*before, FromVCSECMessage(commandStatus=fine), in_order, None]

    # Keys.

    def _change_keys(self, operation: vcsec.WhitelistOperation, signed: Signed) -> Answer:
        kind = operation.WhichOneof("sub_message") or "unknown"
        self._report(kind, signed)
        try:
            KeyOperations(self._onboard.whitelist).carry_out(operation, signed.entry, self._known_everywhere_at())
        except KeyRefusedError as refusal:
            self._onboard.report("refused", fault=information_name(refusal.information), code=int(refusal.information))
            return Answer(self.sealed(signed, [outcome(refusal.information, signed.entry.key_id)]))
        except LookupError:
            raise RejectedError(INVALID_COMMAND) from None
        return Answer(self.sealed(signed, [outcome(None, signed.entry.key_id)]), executed=True)

    def _known_everywhere_at(self) -> float:
        """When infotainment knows a key that is added now."""
        return (self._onboard.car.now or 0.0) + self._onboard.key_sync_s

    # Locks and lids.

    def _act(self, action: RKEAction_E, signed: Signed) -> None:
        name = _RKE_NAMES.get(action)
        if name is None:
            raise RejectedError(INVALID_COMMAND)
        self._permit(name, signed)
        if name in ("lock", "unlock") and self._faults.strikes(Fault.STUCK_LOCK):
            return
        if name == "wake" and self._faults.strikes(Fault.WAKE_IGNORED):
            return
        try:
            self._do(name, self._onboard.car, signed.by)
        except DoorOpenError:
            raise _NominalError(GenericError_E.GENERICERROR_CLOSURES_OPEN) from None

    def _do(self, name: str, car: Car, by: str) -> None:
        match name:
            case "unlock":
                car.unlock(by)
            case "lock":
                car.lock(by)
            case "auto_secure":
                car.secure(by)
            case "wake":
                car.wake(by)
            case "open_trunk":
                self._move(ClosureMoveRequest(rearTrunk=_MOVES.CLOSURE_MOVE_TYPE_OPEN), by)
            case "open_frunk":
                self._move(ClosureMoveRequest(frontTrunk=_MOVES.CLOSURE_MOVE_TYPE_OPEN), by)
            case "open_charge_port":
                self._move(ClosureMoveRequest(chargePort=_MOVES.CLOSURE_MOVE_TYPE_OPEN), by)
            case "close_charge_port":
                self._move(ClosureMoveRequest(chargePort=_MOVES.CLOSURE_MOVE_TYPE_CLOSE), by)
            case "remote_drive":
                raise _NominalError(GenericError_E.GENERICERROR_NOT_ALLOWED_OVER_TRANSPORT)

    def _move(self, request: ClosureMoveRequest, by: str) -> None:
        car = self._onboard.car
        if car.drive.gear is not Gear.PARK:
            raise _NominalError(GenericError_E.GENERICERROR_VEHICLE_NOT_IN_PARK)
        for name, wire_name in CLOSURES.items():
            kind = getattr(request, wire_name)
            # A door without a motor: the request is acknowledged and nothing moves.
            if kind and (name not in DOORS or car.equipment.power_doors):
                self._move_one(name, kind, by)

    def _move_one(self, name: str, kind: ClosureMoveType_E, by: str) -> None:
        car = self._onboard.car
        closes = kind in _CLOSING
        if name == "tonneau" and not car.equipment.tonneau:
            raise _NominalError(GenericError_E.GENERICERROR_NOT_SUPPORTED)
        if name == "front_trunk" and closes:
            raise _NominalError(GenericError_E.GENERICERROR_DISABLED_FOR_USER_COMMAND)
        if name == "rear_trunk" and kind == _MOVES.CLOSURE_MOVE_TYPE_MOVE and car.closures[name] == OPEN:
            closes = True  # it is a toggle
        if kind == _MOVES.CLOSURE_MOVE_TYPE_STOP:
            car.halt_lid(name, by)
        elif closes:  # except on a cable
            if not (name == "charge_port" and car.charging.cable):
                car.drive_lid(name, CLOSED, by)
        elif name == "charge_port":
            car.open_charge_port(by)
        elif kind in _OPENING:
            car.drive_lid(name, OPEN, by)

    # Who may.

    def _permit(self, name: str, signed: Signed) -> None:
        """Report a command; raise when the signer's role does not allow it."""
        self._report(name, signed)
        role = signed.entry.role
        old = name == "wake" and role == Role.ROLE_CHARGING_MANAGER and self._faults.strikes(Fault.OLD_WAKE)
        if old or role not in _MAY.get(name, _DRIVERS):
            raise _NominalError(GenericError_E.GENERICERROR_UNAUTHORIZED)

    def _report(self, name: str, signed: Signed) -> None:
        self._onboard.report(
            "command", name=name, key=signed.entry.key_id.hex(), counter=signed.proof.counter, domain="vehicle_security"
        )
