"""What the body controller tells everybody who asks: the state of the body, and the keys that it knows."""

from __future__ import annotations

from driveway_bridge.proto import (
    ClosureStatuses,
    FromVCSECMessage,
    InformationRequest,
    InformationRequestType,
    UserPresence_E,
    VehicleLockState_E,
    VehicleSleepStatus_E,
    VehicleStatus,
)
from driveway_bridge.simulator.car import CLOSURES
from driveway_bridge.simulator.computer import INVALID_COMMAND, Onboard
from driveway_bridge.simulator.faults import Fault
from driveway_bridge.simulator.verifier import BAD_PARAMETER, RejectedError
from driveway_bridge.simulator.whitelist import Entry

_FUTURE = 42
"""A value that no enumeration has yet."""


def inform(onboard: Onboard, question: InformationRequest) -> FromVCSECMessage:
    """Answer a question. Raises RejectedError."""
    kind = question.informationRequestType
    if kind == InformationRequestType.INFORMATION_REQUEST_TYPE_GET_STATUS:
        return FromVCSECMessage(vehicleStatus=vehicle_status(onboard))
    if kind == InformationRequestType.INFORMATION_REQUEST_TYPE_GET_WHITELIST_INFO:
        return _whitelist_info(onboard)
    if kind == InformationRequestType.INFORMATION_REQUEST_TYPE_GET_WHITELIST_ENTRY_INFO:
        return _whitelist_entry(onboard, question)
    raise RejectedError(INVALID_COMMAND)


def vehicle_status(onboard: Onboard) -> VehicleStatus:
    """Locks, sleep, presence; doors and lids only while awake."""
    car, faults = onboard.car, onboard.faults
    status = VehicleStatus(
        vehicleLockState=VehicleLockState_E.VEHICLELOCKSTATE_LOCKED
        if car.locked
        else VehicleLockState_E.VEHICLELOCKSTATE_UNLOCKED,
        vehicleSleepStatus=_sleep_status(onboard),
        userPresence=UserPresence_E.VEHICLE_USER_PRESENCE_PRESENT
        if car.user_present
        else UserPresence_E.VEHICLE_USER_PRESENCE_NOT_PRESENT,
    )
    if not car.asleep and not faults.strikes(Fault.STATUS_WITHOUT_CLOSURES):
        # All closed is an empty message, which is not the same as none.
        status.closureStatuses.CopyFrom(ClosureStatuses())
        for name, wire_name in CLOSURES.items():
            setattr(status.closureStatuses, wire_name, car.closures[name])
        percent = car.lids.percent_open("tonneau", car.now or 0.0)
        if car.equipment.tonneau and percent:
            status.detailedClosureStatus.tonneauPercentOpen = percent
    if faults.strikes(Fault.FUTURE_VALUES):
        status.vehicleLockState = status.vehicleSleepStatus = _FUTURE  # type: ignore[assignment]
    return status


def _sleep_status(onboard: Onboard) -> VehicleSleepStatus_E:
    if onboard.faults.strikes(Fault.SLEEP_UNKNOWN):
        return VehicleSleepStatus_E.VEHICLE_SLEEP_STATUS_UNKNOWN
    if onboard.car.asleep and not onboard.faults.strikes(Fault.SAYS_AWAKE):
        return VehicleSleepStatus_E.VEHICLE_SLEEP_STATUS_ASLEEP
    return VehicleSleepStatus_E.VEHICLE_SLEEP_STATUS_AWAKE


def _whitelist_info(onboard: Onboard) -> FromVCSECMessage:
    message = FromVCSECMessage()
    info = message.whitelistInfo
    info.SetInParent()
    for entry in onboard.whitelist:
        info.numberOfEntries += 1
        info.slotMask |= 1 << entry.slot
        info.whitelistEntries.add().publicKeySHA1 = entry.key_id
    return message


def _whitelist_entry(onboard: Onboard, question: InformationRequest) -> FromVCSECMessage:
    entry = _find_entry(onboard, question)
    if entry is None:
        raise RejectedError(BAD_PARAMETER)
    message = FromVCSECMessage()
    info = message.whitelistEntryInfo
    info.keyId.publicKeySHA1 = entry.key_id
    info.publicKey.PublicKeyRaw = entry.public
    info.metadataForKey.keyFormFactor = entry.form_factor
    info.slot = entry.slot
    info.keyRole = entry.role
    return message


def _find_entry(onboard: Onboard, question: InformationRequest) -> Entry | None:
    whitelist = onboard.whitelist
    match question.WhichOneof("key"):
        case "slot":
            return whitelist.at(question.slot)
        case "publicKey":
            return whitelist.find(question.publicKey)
        case "keyId":
            wanted = question.keyId.publicKeySHA1
            return next((entry for entry in whitelist if wanted and entry.key_id == wanted[:4]), None)
    return None
