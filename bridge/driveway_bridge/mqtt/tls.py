"""TLS to the broker: what is trusted, and what went wrong in the owner's words. Loaded only where it is wanted.

The bridge trusts nobody by itself (`frugal.no_authorities`): the owner names an authority of his own, or says that
those of the system are good. The name of the broker is always checked; there is no switch for that.

The dates of a certificate are checked too, with one exception. A small computer without a battery comes back from a
power cut with an old time, and a certificate that is newer than that is "not yet valid" to it; without the Internet
nobody tells it better, and the lock has to work. So "not yet valid" is overlooked while the clock was not set since
the computer's start. Nothing is lost by that: a clock that is behind lets old certificates pass anyway, whoever's they
are, and this lets pass only what an authority has signed that the owner trusts, for the broker's name. "Expired" is
never overlooked: a clock that is behind does not say it wrongly.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from driveway_bridge.settings import TlsSettings
from driveway_bridge.wall_clock import synchronised

_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h, which Python's ssl has no name for."""
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
"""Codes of x509_vfy.h, as those in `_of_certificate`."""
_UNSET: Final = (
    "the clock of this computer was not set since its start (it says {}), and the MQTT broker's certificate is newer: "
    "its dates are not checked until then"
)


class WrongFile(Exception):
    """A file named in the configuration cannot be used; `key` is its key there, the text what to do."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


class NoTls(Exception):
    """The connection could not be encrypted, or the broker is not who it should be; "the MQTT broker at .." `text`."""


class Context(ssl.SSLContext):
    """Makes connections that are encrypted and checked when they are made; one that fails is closed."""

    def wrap_socket(self, sock: socket.socket, *args: Any, **more: Any) -> ssl.SSLSocket:
        """As in the library, and the handshake is over in the time that `sock` gives it."""
        wrapped = super().wrap_socket(sock, *args, **more)
        try:
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    def overlook_dates(self) -> None:
        """From now on a certificate may be of any time."""
        self.verify_flags = ssl.VerifyFlags(self.verify_flags | _NO_CHECK_TIME)


def context(tls: TlsSettings) -> Context:
    """Read the files anew, so that renewed ones need no restart. WrongFile."""
    # Not create_default_context: from Python 3.13 on it refuses what many home-made authorities look like.
    made = Context(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # The owner may also name the broker's own certificate instead of an authority.
    made.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    if tls.ca_file is None:
        _trust_system(made)
    else:
        try:
            made.load_verify_locations(cafile=tls.ca_file)
        except ssl.SSLError as error:
            raise WrongFile("ca_file", "the file holds no certificate in PEM (-----BEGIN CERTIFICATE-----)") from error
        except OSError as error:
            raise WrongFile("ca_file", _unreadable(error)) from error
    if tls.certificate_file is not None and tls.key_file is not None:
        _show_certificate(made, tls.certificate_file, tls.key_file)
    return made


def _trust_system(made: Context) -> None:
    """Trust whom the system trusts; where it notes that, and not where the environment of the bridge points to."""
    places = ssl.get_default_verify_paths()
    named = (os.environ.get(name) for name in (places.openssl_cafile_env, places.openssl_capath_env))
    file, folder = (None if name == os.devnull else name for name in named)
    if file is None and folder is None:
        file, folder = places.openssl_cafile, places.openssl_capath
    if folder is not None and Path(folder).is_dir():  # looked into when it is needed; the file would be read wholly
        made.load_verify_locations(capath=folder)
    elif file is not None and Path(file).is_file():
        made.load_verify_locations(cafile=file)
    else:
        raise WrongFile("ca_file", "this computer has no authorities of its own (package ca-certificates); name a file")


def _show_certificate(made: Context, certificate: Path, key: Path) -> None:
    for name, file in (("certificate_file", certificate), ("key_file", key)):
        try:
            text = file.read_bytes()
        except OSError as error:
            raise WrongFile(name, _unreadable(error)) from error
        if b"-----BEGIN " not in text:
            raise WrongFile(name, "the file is not in PEM (-----BEGIN ...)")
        if name == "key_file" and b"ENCRYPTED" in text:
            raise WrongFile(name, "the key has a passphrase, which nobody could type in; take it off (`openssl pkey`)")
    try:
        # The passphrase is never asked for: OpenSSL would do that at the terminal.
        made.load_cert_chain(certificate, key, password=b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise WrongFile("key_file", "the key does not belong to the certificate in `certificate_file`") from error
        raise WrongFile("certificate_file", f"it cannot be used ({error.reason or 'no certificate in PEM'})") from error


def _unreadable(error: OSError) -> str:
    return (
        f"the file cannot be read ({error.strerror or type(error).__name__}); its path counts from the folder of the "
        "configuration, and the bridge's user must be allowed to read it"
    )


@dataclass(frozen=True, slots=True)
class Encryption:
    """A connection that is encrypted."""

    version: str
    """As `TLSv1.3`."""
    ends_at: float
    """When the broker's certificate ends, Unix time."""


class Dialing(Protocol):
    """What makes the connection, by `PahoClient`."""

    def tls_set_context(self, context: ssl.SSLContext) -> None:
        """Encrypt with this."""
        ...

    def connected_socket(self) -> socket.socket | None:
        """The connection, if there is one."""
        ...


def connect(tls: TlsSettings, client: Dialing, dial: Callable[[], None]) -> str | None:
    """Have `dial` make the connection, encrypted and checked; a remark for the log. NoTls, and what `dial` raises."""
    try:
        made = context(tls)
    except WrongFile as error:
        raise NoTls(f"is not asked: `{error.key}` under `mqtt`: {error}") from error
    client.tls_set_context(made)
    try:
        try:
            dial()
        except ssl.SSLCertVerificationError as error:
            if error.verify_code != _NOT_YET_VALID or synchronised():
                raise
            made.overlook_dates()
            dial()
            _check_end(client.connected_socket())
            return _UNSET.format(_today())
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError) as error:
        raise NoTls(explain(error)) from error
    return None


def _now() -> float:
    return time.time()


def _check_end(connected: socket.socket | None) -> None:
    """Refuse a certificate that has ended, where no dates were checked."""
    encryption = encryption_of(connected)
    if encryption is not None and encryption.ends_at < _now():
        error = ssl.SSLCertVerificationError()
        error.verify_code = _EXPIRED
        raise error


def encryption_of(connected: socket.socket | None) -> Encryption | None:
    """How a connection is encrypted; None when it is not."""
    if not isinstance(connected, ssl.SSLSocket):
        return None
    ends = (connected.getpeercert() or {})["notAfter"]
    return Encryption(connected.version() or "TLS", ssl.cert_time_to_seconds(str(ends)))


def explain(error: OSError) -> str:
    """What is wrong and what to do; continues "the MQTT broker at HOST:PORT ..."."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error)
    reason = getattr(error, "reason", None) or ""
    for part, text in _OF_HANDSHAKE.items():
        if part in reason:
            return text
    if isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "hung up when encryption began; is this its port without TLS?"
    return f"and the bridge do not agree on encryption ({reason or type(error).__name__})"


_OWN_REFUSED: Final = "refuses the bridge's certificate"
_OF_HANDSHAKE: Final = {
    "CERTIFICATE_REQUIRED": "wants a certificate of the bridge; add `certificate_file` and `key_file` under `mqtt`",
    "HANDSHAKE_FAILURE": "breaks the handshake off; where it wants a certificate of the bridge, add `certificate_file` "
    "and `key_file` under `mqtt`",
    "UNKNOWN_CA": f"{_OWN_REFUSED}: it does not trust the authority that signed it",
    "CERTIFICATE_EXPIRED": f"{_OWN_REFUSED}, which has expired (or the broker's clock is wrong)",
    "CERTIFICATE_REVOKED": f"{_OWN_REFUSED}, which was revoked",
    "BAD_CERTIFICATE": _OWN_REFUSED,
    "UNSUPPORTED_CERTIFICATE": f"{_OWN_REFUSED}, which is not one for clients",
    "CERTIFICATE_UNKNOWN": _OWN_REFUSED,
    "WRONG_VERSION_NUMBER": "answers without encryption; is this its port without TLS?",
    "UNSUPPORTED_PROTOCOL": "has no TLS 1.2 or newer; the bridge takes nothing older",
    "PROTOCOL_VERSION": "has no TLS 1.2 or newer; the bridge takes nothing older",
}
"""By what is in OpenSSL's name of the reason; alerts are what the broker says of us."""


def guess(tls: TlsSettings) -> str:
    """Why a broker may have hung up that did not say it."""
    if tls.certificate_file is None:
        return "if it wants a certificate of the bridge, add `certificate_file` and `key_file` under `mqtt`"
    return "its own log may say whether it refuses the bridge's certificate"


def is_refusal(fault: OSError) -> bool:
    """Whether what broke a connection off was the broker's word in the handshake."""
    return isinstance(fault, ssl.SSLError) and "ALERT" in (fault.reason or "")


def _today() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:
        case 10:
            what = f"has expired; renew it (this computer's clock says {_today()})"
        case 9:
            what = f"is not valid yet; this computer's clock says {_today()}: is that right?"
        case 62 | 64:
            what = "is for other names; as `host` under `mqtt` write one that is in it, or make one that holds this"
        case 2 | 18 | 19 | 20 | 21 | 27:
            what = "is not signed by anybody in `ca_file` under `mqtt`"
        case 26:
            what = "is not one for servers; make one with extendedKeyUsage serverAuth, or without that"
        case 66 | 67 | 68:
            what = f"is too weak ({error.verify_message}); make a new one"
        case _:
            what = f"is not accepted ({error.verify_message})"
    return f"has a certificate that {what}"
