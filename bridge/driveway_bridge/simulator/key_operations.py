"""Changes of the list of keys: what the car makes of a request, and the number with which it refuses.

Source: the vehicle-command protocol, "key management".
"""

from __future__ import annotations

from dataclasses import dataclass

from driveway_bridge.proto import FromVCSECMessage, Role, VcsecOperationStatus_E, vcsec
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.whitelist import Entry, Whitelist

Information = vcsec.WhitelistOperation_information_E
_PREFIX = "WHITELISTOPERATION_INFORMATION_"

NO_PERMISSION_TO_REMOVE_ONESELF = Information.WHITELISTOPERATION_INFORMATION_NO_PERMISSION_TO_REMOVE_ONESELF
WHITELIST_FULL = Information.WHITELISTOPERATION_INFORMATION_WHITELIST_FULL
NO_PERMISSION_TO_ADD = Information.WHITELISTOPERATION_INFORMATION_NO_PERMISSION_TO_ADD
INVALID_PUBLIC_KEY = Information.WHITELISTOPERATION_INFORMATION_INVALID_PUBLIC_KEY
NO_PERMISSION_TO_REMOVE = Information.WHITELISTOPERATION_INFORMATION_NO_PERMISSION_TO_REMOVE
NO_PERMISSION_TO_CHANGE = Information.WHITELISTOPERATION_INFORMATION_NO_PERMISSION_TO_CHANGE_PERMISSIONS
REMOVING_OWN_PERMISSIONS = Information.WHITELISTOPERATION_INFORMATION_ATTEMPTING_TO_REMOVE_OWN_PERMISSIONS
NOT_ON_WHITELIST = Information.WHITELISTOPERATION_INFORMATION_PUBLIC_KEY_NOT_ON_WHITELIST
ALREADY_THERE = Information.WHITELISTOPERATION_INFORMATION_ATTEMPTING_TO_ADD_KEY_THAT_IS_ALREADY_ON_THE_WHITELIST
WITHOUT_ROLE = Information.WHITELISTOPERATION_INFORMATION_ATTEMPTING_TO_ADD_KEY_WITHOUT_ROLE
WITH_SERVICE_ROLE = Information.WHITELISTOPERATION_INFORMATION_ATTEMPTING_TO_ADD_KEY_WITH_SERVICE_ROLE


class KeyRefusedError(Exception):
    """The list of keys is not changed; `information` is the reason's number."""

    def __init__(self, information: vcsec.WhitelistOperation_information_E) -> None:
        super().__init__(information_name(information))
        self.information = information


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that somebody wants to be added."""

    public: bytes
    role: Role
    form_factor: vcsec.KeyFormFactor
    impermanent: bool = False


def information_name(information: vcsec.WhitelistOperation_information_E) -> str:
    """Name a reason as the messages do, without what all names begin with; for one from the future its number."""
    return Information.Name(information).removeprefix(_PREFIX)


def outcome(
    information: vcsec.WhitelistOperation_information_E | None, signer: bytes | None = None
) -> FromVCSECMessage:
    """Tell how it ended: None is well; `signer` is the short name of the key that allowed it."""
    message = FromVCSECMessage()
    status = message.commandStatus.whitelistOperationStatus
    status.SetInParent()
    if signer:
        status.signerOfOperation.publicKeySHA1 = signer
    if information is not None:
        message.commandStatus.operationStatus = VcsecOperationStatus_E.OPERATIONSTATUS_ERROR
        status.whitelistOperationInformation = information
        status.operationStatus = VcsecOperationStatus_E.OPERATIONSTATUS_ERROR
    return message


def is_public_key(public: bytes) -> bool:
    """Whether these bytes are a point on the curve."""
    try:
        PrivateKey.generate().shared_secret(public)
    except ValueError:
        return False
    return True


def check_new(key: NewKey, whitelist: Whitelist) -> None:
    """Raise KeyRefusedError for a key that nobody may add, whoever asks."""
    if whitelist.find(key.public):
        raise KeyRefusedError(ALREADY_THERE)
    if key.role == Role.ROLE_NONE:
        raise KeyRefusedError(WITHOUT_ROLE)
    if key.role in (Role.ROLE_SERVICE, Role.ROLE_SERVICE_TECH):
        raise KeyRefusedError(WITH_SERVICE_ROLE)
    if whitelist.full:
        raise KeyRefusedError(WHITELIST_FULL)


def wanted_key(operation: vcsec.WhitelistOperation) -> NewKey | None:
    """Read which key an operation wants to add; None when it wants something else."""
    kind = operation.WhichOneof("sub_message")
    form_factor = operation.metadataForKey.keyFormFactor
    if kind == "addPublicKeyToWhitelist":
        public = operation.addPublicKeyToWhitelist.PublicKeyRaw
        return NewKey(public=public, role=Role.ROLE_NONE, form_factor=form_factor)
    if kind not in ("addKeyToWhitelistAndAddPermissions", "addImpermanentKey", "addImpermanentKeyAndRemoveExisting"):
        return None
    change: vcsec.PermissionChange = getattr(operation, kind)
    return NewKey(
        public=change.key.PublicKeyRaw,
        role=change.keyRole,
        form_factor=form_factor,
        impermanent=kind != "addKeyToWhitelistAndAddPermissions",
    )


class KeyOperations:
    """Carries out signed changes; only an owner may sign them."""

    def __init__(self, whitelist: Whitelist) -> None:
        self._whitelist = whitelist

    def carry_out(self, operation: vcsec.WhitelistOperation, signer: Entry, known_at: float) -> None:
        """Change the list. Raises KeyRefusedError; LookupError when the operation is none that is known."""
        if key := wanted_key(operation):
            self._add(key, signer, known_at)
            if operation.WhichOneof("sub_message") == "addImpermanentKeyAndRemoveExisting":
                self._forget_impermanent(but=key.public)
            return
        match operation.WhichOneof("sub_message"):
            case "removePublicKeyFromWhitelist":
                self._remove(operation.removePublicKeyFromWhitelist.PublicKeyRaw, signer)
            case "addPermissionsToPublicKey" | "removePermissionsFromPublicKey" | "updateKeyAndPermissions" as kind:
                change: vcsec.PermissionChange = getattr(operation, kind)
                taken = kind == "removePermissionsFromPublicKey"
                self._change(change.key.PublicKeyRaw, Role.ROLE_NONE if taken else change.keyRole, signer)
            case "removeAllImpermanentKeys":
                self._insist_on_owner(signer, NO_PERMISSION_TO_REMOVE)
                self._forget_impermanent()
            case "replaceKey":
                self._replace(operation.replaceKey, signer, known_at)
            case _:
                raise LookupError("no known operation")

    def _add(self, key: NewKey, signer: Entry, known_at: float) -> None:
        self._insist_on_owner(signer, NO_PERMISSION_TO_ADD)
        if not is_public_key(key.public):
            raise KeyRefusedError(INVALID_PUBLIC_KEY)
        check_new(key, self._whitelist)
        self._whitelist.add(
            key.public,
            key.role,
            form_factor=key.form_factor,
            impermanent=key.impermanent,
            known_everywhere_at=known_at,
        )

    def _remove(self, public: bytes, signer: Entry) -> None:
        if public == signer.public:
            raise KeyRefusedError(NO_PERMISSION_TO_REMOVE_ONESELF)
        self._insist_on_owner(signer, NO_PERMISSION_TO_REMOVE)
        self._insist_on_known(public)
        self._whitelist.remove(public)

    def _change(self, public: bytes, role: Role, signer: Entry) -> None:
        self._insist_on_owner(signer, NO_PERMISSION_TO_CHANGE)
        self._insist_on_known(public)
        if public == signer.public:
            raise KeyRefusedError(REMOVING_OWN_PERMISSIONS)
        self._whitelist.change_role(public, role)

    def _replace(self, request: vcsec.ReplaceKey, signer: Entry, known_at: float) -> None:
        old = (
            self._whitelist.at(request.slotToReplace)
            if request.HasField("slotToReplace")
            else self._whitelist.find(request.publicKeyToReplace.PublicKeyRaw)
        )
        self._insist_on_owner(signer, NO_PERMISSION_TO_ADD)
        if old is None:
            raise KeyRefusedError(NOT_ON_WHITELIST)
        key = NewKey(
            public=request.keyToAdd.PublicKeyRaw,
            role=request.keyRole,
            form_factor=old.form_factor,
            impermanent=request.impermanent,
        )
        self._remove(old.public, signer)
        try:
            self._add(key, signer, known_at)
        except KeyRefusedError:
            self._whitelist.add(old.public, old.role, form_factor=old.form_factor, impermanent=old.impermanent)
            raise

    def _forget_impermanent(self, but: bytes = b"") -> None:
        for entry in [entry for entry in self._whitelist if entry.impermanent and entry.public != but]:
            self._whitelist.remove(entry.public)

    def _insist_on_known(self, public: bytes) -> None:
        if not self._whitelist.find(public):
            raise KeyRefusedError(NOT_ON_WHITELIST)

    def _insist_on_owner(self, signer: Entry, otherwise: vcsec.WhitelistOperation_information_E) -> None:
        if signer.role != Role.ROLE_OWNER:
            raise KeyRefusedError(otherwise)
