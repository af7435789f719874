"""Certificates: the usual ones by the very commands of docs/broker.md, and those that no owner wants."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import subprocess
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs/broker.md").read_text()
_NAMES: Final = "DNS:broker.home,IP:192.168.1.10"
DAY: Final = dt.timedelta(days=1)


def commands(name: str) -> str:
    """A block of the page that is to be run."""
    (block,) = re.findall(rf"<!-- run: {name} -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


class Authority:
    """Who signs certificates, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._run(commands("authority"))
        self.ca = folder / "ca.crt"
        self.renew()

    def renew(self) -> None:
        """Make `broker.crt` as the page says."""
        block = commands("broker")
        assert _NAMES in block
        self._run(block.replace(_NAMES, "DNS:localhost,IP:127.0.0.1"))

    def for_bridge(self) -> tuple[Path, Path]:
        """Certificate and key for the bridge, as the page says."""
        self._run(commands("bridge"))
        return self.folder / "bridge.crt", self.folder / "bridge.key"

    def listener(self, certificate: str = "broker") -> list[str]:
        """What a listener of mosquitto says of its certificate."""
        files = {
            "cafile": self.ca,
            "certfile": self._file(certificate, "crt"),
            "keyfile": self._file(certificate, "key"),
        }
        return [f"{key} {file}" for key, file in files.items()]

    def odd(
        self,
        *,
        begins: dt.timedelta = -DAY,
        ends: dt.timedelta = 90 * DAY,
        names: tuple[str, ...] = ("127.0.0.1",),
        for_clients: bool = False,
        weak: bool = False,
        own: bool = False,
        passphrase: bytes | None = None,
    ) -> str:
        """Make a certificate `odd.crt` with its key; `own`: signed by itself."""
        key = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(ec.SECP256R1())
        ca = x509.load_pem_x509_certificate(self.ca.read_bytes())
        ca_key = load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd")])
        now = dt.datetime.now(dt.UTC)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if for_clients else ExtendedKeyUsageOID.SERVER_AUTH
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if own else ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .sign(key if own else ca_key, hashes.SHA256())
        )
        self._file("odd", "crt").write_bytes(made.public_bytes(Encoding.PEM))
        kept = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
        self._file("odd", "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept))
        return "odd"

    def _file(self, name: str, kind: str) -> Path:
        return self.folder / f"{name}.{kind}"

    def _run(self, block: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", block], cwd=self.folder, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stderr


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
