"""The one door to the message definitions (package tesla-protocol): nobody else imports them.

The envelope and what the body controller says most is here by name; the many messages of commands and states are in
`car_server` (requests and answers of infotainment), `vehicle` (states), `common` (parts of both) and `vcsec` (body
controller).
"""

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from tesla_protocol.command import car_server_pb2 as car_server
from tesla_protocol.command import common_pb2 as common
from tesla_protocol.command import vcsec_pb2 as vcsec
from tesla_protocol.command import vehicle_pb2 as vehicle
from tesla_protocol.command.car_server_pb2 import Action, Response
from tesla_protocol.command.errors_pb2 import GenericError_E, NominalError
from tesla_protocol.command.keys_pb2 import Role
from tesla_protocol.command.signatures_pb2 import (
    AES_GCM_Personalized_Signature_Data,
    AES_GCM_Response_Signature_Data,
    HMAC_Personalized_Signature_Data,
    HMAC_Signature_Data,
    KeyIdentity,
    Session_Info_Status,
    SessionInfo,
    SignatureData,
)
from tesla_protocol.command.universal_message_pb2 import (
    Destination,
    Flags,
    MessageFault_E,
    MessageStatus,
    OperationStatus_E,
    RoutableMessage,
    SessionInfoRequest,
)
from tesla_protocol.command.vcsec_pb2 import (
    AuthenticationRequest,
    AuthenticationRequestToken,
    ClosureMoveRequest,
    ClosureMoveType_E,
    ClosureState_E,
    ClosureStatuses,
    CommandStatus,
    FromVCSECMessage,
    InformationRequest,
    InformationRequestType,
    RKEAction_E,
    SignedMessage_status,
    UnsignedMessage,
    UserPresence_E,
    VehicleLockState_E,
    VehicleSleepStatus_E,
    VehicleStatus,
    WhitelistOperation_status,
)
from tesla_protocol.command.vcsec_pb2 import OperationStatus_E as VcsecOperationStatus_E

__all__ = [
    "AES_GCM_Personalized_Signature_Data",
    "AES_GCM_Response_Signature_Data",
    "Action",
    "AuthenticationRequest",
    "AuthenticationRequestToken",
    "ClosureMoveRequest",
    "ClosureMoveType_E",
    "ClosureState_E",
    "ClosureStatuses",
    "CommandStatus",
    "DecodeError",
    "Destination",
    "Flags",
    "FromVCSECMessage",
    "GenericError_E",
    "HMAC_Personalized_Signature_Data",
    "HMAC_Signature_Data",
    "InformationRequest",
    "InformationRequestType",
    "KeyIdentity",
    "Message",
    "MessageFault_E",
    "MessageStatus",
    "NominalError",
    "OperationStatus_E",
    "RKEAction_E",
    "Response",
    "Role",
    "RoutableMessage",
    "SessionInfo",
    "SessionInfoRequest",
    "Session_Info_Status",
    "SignatureData",
    "SignedMessage_status",
    "Timestamp",
    "UnsignedMessage",
    "UserPresence_E",
    "VcsecOperationStatus_E",
    "VehicleLockState_E",
    "VehicleSleepStatus_E",
    "VehicleStatus",
    "WhitelistOperation_status",
    "car_server",
    "common",
    "vcsec",
    "vehicle",
]
