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
    ClosureStatuses,
    CommandStatus,
    DecodeError,
    FromVCSECMessage,
    GenericError_E,
    InformationRequest,
    InformationRequestType,
    Message,
    RKEAction_E,
    Role,
    RoutableMessage,
    SignedMessage_status,
    UnsignedMessage,
    UserPresence_E,
    VcsecOperationStatus_E,
    VehicleLockState_E,
    VehicleSleepStatus_E,
    VehicleStatus,
)
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.simulator.car import CLOSED, CLOSURES, DOORS, OPEN, Car, DoorOpenError
from driveway_bridge.simulator.computer import DECODING, INVALID_COMMAND, Answer, Computer, Signed
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.verifier import BAD_PARAMETER, RejectedError
from driveway_bridge.simulator.whitelist import Entry

TOKEN_SIZE = 20

_RKE_NAMES = {
    RKEAction_E.RKE_ACTION_UNLOCK: "unlock",
    RKEAction_E.RKE_ACTION_LOCK: "lock",
    RKEAction_E.RKE_ACTION_REMOTE_DRIVE: "remote_drive",
    RKEAction_E.RKE_ACTION_AUTO_SECURE_VEHICLE: "auto_secure",
    RKEAction_E.RKE_ACTION_WAKE_VEHICLE: "wake",
}
_DRIVERS = {Role.ROLE_OWNER, Role.ROLE_DRIVER, Role.ROLE_GUEST}
_MAY: dict[str, set[Role]] = {
    "unlock": {*_DRIVERS, Role.ROLE_SERVICE},
    "lock": {*_DRIVERS, Role.ROLE_SERVICE},
    "wake": {*_DRIVERS, Role.ROLE_CHARGING_MANAGER},
    "remote_drive": _DRIVERS,
    "auto_secure": _DRIVERS,
    "move": _DRIVERS,
}
_OPENING = {ClosureMoveType_E.CLOSURE_MOVE_TYPE_OPEN, ClosureMoveType_E.CLOSURE_MOVE_TYPE_MOVE}


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
        return self._broadcast(FromVCSECMessage(vehicleStatus=self._status()))

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

    def read_unsigned(self, request: RoutableMessage) -> list[RoutableMessage] | None:
        """Answer questions about state and keys; everything else has to be signed."""
        if request.WhichOneof("payload") != "protobuf_message_as_bytes":
            return None
        try:
            message = UnsignedMessage.FromString(request.protobuf_message_as_bytes)
        except DecodeError:
            return [self.error(request, DECODING)]
        if message.WhichOneof("sub_message") != "InformationRequest":
            return None
        try:
            return [self.plain(request, self._inform(message.InformationRequest))]
        except RejectedError as rejection:
            return [self.error(request, rejection.fault)]

    def _inform(self, question: InformationRequest) -> FromVCSECMessage:
        kind = question.informationRequestType
        if kind == InformationRequestType.INFORMATION_REQUEST_TYPE_GET_STATUS:
            return FromVCSECMessage(vehicleStatus=self._status())
        if kind == InformationRequestType.INFORMATION_REQUEST_TYPE_GET_WHITELIST_INFO:
            return self._whitelist_info()
        if kind == InformationRequestType.INFORMATION_REQUEST_TYPE_GET_WHITELIST_ENTRY_INFO:
            return self._whitelist_entry(question)
        raise RejectedError(INVALID_COMMAND)

    def _status(self) -> VehicleStatus:
        car = self._onboard.car
        status = VehicleStatus(
            vehicleLockState=VehicleLockState_E.VEHICLELOCKSTATE_LOCKED
            if car.locked
            else VehicleLockState_E.VEHICLELOCKSTATE_UNLOCKED,
            vehicleSleepStatus=VehicleSleepStatus_E.VEHICLE_SLEEP_STATUS_ASLEEP
            if car.asleep
            else VehicleSleepStatus_E.VEHICLE_SLEEP_STATUS_AWAKE,
            userPresence=UserPresence_E.VEHICLE_USER_PRESENCE_PRESENT
            if car.user_present
            else UserPresence_E.VEHICLE_USER_PRESENCE_NOT_PRESENT,
        )
        if not car.asleep and not self._faults.strikes(Fault.STATUS_WITHOUT_CLOSURES):
            # All closed is an empty message, which is not the same as none.
            status.closureStatuses.CopyFrom(ClosureStatuses())
            for name, wire_name in CLOSURES.items():
                setattr(status.closureStatuses, wire_name, car.closures[name])
        return status

    def _whitelist_info(self) -> FromVCSECMessage:
        message = FromVCSECMessage()
        info = message.whitelistInfo
        info.SetInParent()
        for entry in self._onboard.whitelist:
            info.numberOfEntries += 1
            info.slotMask |= 1 << entry.slot
            info.whitelistEntries.add().publicKeySHA1 = entry.key_id
        return message

    def _whitelist_entry(self, question: InformationRequest) -> FromVCSECMessage:
        entry = self._find_entry(question)
        if entry is None:
            raise RejectedError(BAD_PARAMETER)
        message = FromVCSECMessage()
        info = message.whitelistEntryInfo
        info.keyId.publicKeySHA1 = entry.key_id
        info.publicKey.PublicKeyRaw = entry.public
        info.slot = entry.slot
        info.keyRole = entry.role
        return message

    def _find_entry(self, question: InformationRequest) -> Entry | None:
        whitelist = self._onboard.whitelist
        match question.WhichOneof("key"):
            case "slot":
                return whitelist.at(question.slot)
            case "publicKey":
                return whitelist.find(question.publicKey)
            case "keyId":
                wanted = question.keyId.publicKeySHA1
                return next((entry for entry in whitelist if wanted and entry.key_id == wanted[:4]), None)
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
                    return Answer(self.sealed(signed, [None, self._inform(message.InformationRequest)]), executed=True)
                case "RKEAction":
                    self._act(message.RKEAction, signed)
                case "closureMoveRequest":
                    self._permit("move", signed)
                    self._move(message.closureMoveRequest, signed)
                case _:
                    raise RejectedError(INVALID_COMMAND)
        except _NominalError as refusal:
            self._onboard.report("refused", fault=GenericError_E.Name(refusal.error), code=refusal.error)
            nominal = FromVCSECMessage()
            nominal.nominalError.genericError = refusal.error
            return Answer(self.sealed(signed, [nominal]))
        return Answer(self.sealed(signed, self._acknowledgement(signed)), executed=True)

    def _acknowledgement(self, signed: Signed) -> list[Message | None]:
        if not self._faults.strikes(Fault.THREE_PART_REPLY):
            return [None]
        fine = CommandStatus(signedMessageStatus=SignedMessage_status(counter=signed.proof.counter))
        return [FromVCSECMessage(commandStatus=fine), FromVCSECMessage(commandStatus=CommandStatus()), None]

    def _act(self, action: RKEAction_E, signed: Signed) -> None:
        name = _RKE_NAMES.get(action)
        if name is None:
            raise RejectedError(INVALID_COMMAND)
        self._permit(name, signed)
        car = self._onboard.car
        if name in ("lock", "unlock") and self._faults.strikes(Fault.STUCK_LOCK):
            return
        try:
            self._do(name, car, signed.by)
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
            case "remote_drive":
                raise _NominalError(GenericError_E.GENERICERROR_NOT_ALLOWED_OVER_TRANSPORT)

    def _move(self, request: ClosureMoveRequest, signed: Signed) -> None:
        for name, wire_name in CLOSURES.items():
            kind = getattr(request, wire_name)
            # The doors of most models have no motor: the request is acknowledged and nothing moves.
            if kind and name not in DOORS:
                self._move_lid(name, kind, signed.by)

    def _move_lid(self, name: str, kind: ClosureMoveType_E, by: str) -> None:
        car = self._onboard.car
        closes = kind == ClosureMoveType_E.CLOSURE_MOVE_TYPE_CLOSE
        if name == "front_trunk" and closes:
            raise _NominalError(GenericError_E.GENERICERROR_DISABLED_FOR_USER_COMMAND)
        if name == "rear_trunk" and kind == ClosureMoveType_E.CLOSURE_MOVE_TYPE_MOVE and car.closures[name] == OPEN:
            closes = True  # it is a toggle
        if closes:
            car.move(name, CLOSED, by)
        elif kind in _OPENING:
            car.move(name, OPEN, by)

    def _permit(self, name: str, signed: Signed) -> None:
        """Report a command; raise when the signer's role does not allow it."""
        self._onboard.report(
            "command", name=name, key=signed.entry.key_id.hex(), counter=signed.proof.counter, domain="vehicle_security"
        )
        if signed.entry.role not in _MAY[name]:
            raise _NominalError(GenericError_E.GENERICERROR_UNAUTHORIZED)
