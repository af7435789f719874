"""The connection to the broker, encrypted: with whom it is made and with whom not, against a real mosquitto."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from driveway_bridge.mqtt import client, tls
from driveway_bridge.mqtt.client import Broker, Client, NoConnection, Version
from driveway_bridge.settings import TlsSettings
from tests.bridge.broker.authority import DAY, Authority
from tests.bridge.daemon.house import PATIENCE_S
from tests.bridge.daemon.mosquitto import Mosquitto
from tests.bridge.daemon.test_client import Bridge, running


@pytest.fixture
def guarded(mosquitto_path: str, tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that is still to be told of its certificate, and to be started."""
    with Mosquitto(mosquitto_path, tmp_path / "broker") as mosquitto:
        yield mosquitto


def serve(broker: Mosquitto, authority: Authority, certificate: str = "broker", *more: str) -> None:
    broker.settings = ["allow_anonymous true", *authority.listener(certificate), *more]
    broker.start()


async def refused(port: int, settings: TlsSettings | None, host: str = "127.0.0.1") -> str:
    """Try to connect; what the owner is told."""
    broker = Broker(
        host=host, port=port, client_id="driveway-b", will_topic=None, subscriptions=("driveway/b/x",), tls=settings
    )
    with pytest.raises(NoConnection) as raised:
        await Client(broker, Version.V5, lambda _message: None, lambda _problem: None).open()
    return str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_with_an_authority_of_the_house(guarded: Mosquitto, authority: Authority, host: str) -> None:
    """As docs/broker.md says; the name of the broker may be an address."""
    serve(guarded, authority)
    async with running(Bridge(guarded.port, host=host, tls=TlsSettings(ca_file=authority.ca))) as bridge:
        await bridge.is_up()
        assert bridge.uplink.report()["version"] == "5"
        for number in range(300):  # several records of TLS, and less than the bridge leaves unsent
            assert bridge.uplink.publish("driveway/b/car/command", f"{number} " + "x" * number * 4)
        heard = [await bridge.messages.get() for _ in range(300)]
    assert [int(message.payload.split()[0]) for message in heard] == list(range(300))


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"begins": -9 * DAY, "ends": -DAY}, "has expired; renew it (this computer's clock says 20"),
    "not yet": ({"begins": DAY}, "is not valid yet; this computer's clock says 20"),
    "another address": ({"names": ("127.0.0.2", "localhost")}, "is for other names; as `host` under `mqtt` write one"),
    "another name": ({"names": ("broker.home",)}, "is for other names"),
    "by a stranger": ({"own": True}, "is not signed by anybody in `ca_file`"),
    "not for servers": ({"for_clients": True}, "is not one for servers"),
    "too weak": ({"weak": True}, "is too weak"),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_a_broker_that_cannot_prove_who_it_is(
    guarded: Mosquitto, authority: Authority, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "synchronised", lambda: True)
    how, words = FAULTS[case]
    # mosquitto itself would not serve with a key as short.
    serve(guarded, authority, authority.odd(**how), *(["ciphers DEFAULT@SECLEVEL=0"] if case == "too weak" else []))
    told = await refused(guarded.port, TlsSettings(ca_file=authority.ca))
    assert told.startswith(f"the MQTT broker at 127.0.0.1:{guarded.port} has a certificate that {words}")


async def test_the_brokers_own_certificate_can_be_trusted_instead_of_an_authority(
    guarded: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    serve(guarded, authority)
    pinned = tmp_path / "pinned.crt"
    shutil.copy(authority.folder / "broker.crt", pinned)
    async with running(Bridge(guarded.port, tls=TlsSettings(ca_file=pinned))) as bridge:
        await bridge.is_up()
    authority.renew()
    guarded.kill()
    guarded.start()
    assert "is not signed by anybody in `ca_file`" in await refused(guarded.port, TlsSettings(ca_file=pinned))


# The clock after a power cut ------------------------------------------------------------------------------------------


async def test_a_certificate_of_the_future_does_when_nobody_has_set_the_clock(
    guarded: Mosquitto, authority: Authority, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls, "synchronised", lambda: False)
    serve(guarded, authority, authority.odd(begins=DAY))
    async with running(Bridge(guarded.port, tls=TlsSettings(ca_file=authority.ca))) as bridge:
        await bridge.is_up()
    assert "the clock of this computer was not set since its start" in caplog.text.lower()


@pytest.mark.parametrize("case", sorted(FAULTS.keys() - {"not yet"}))
async def test_nothing_else_is_overlooked_for_it(
    guarded: Mosquitto, authority: Authority, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the certificate is of the future besides."""
    monkeypatch.setattr(tls, "synchronised", lambda: False)
    how, words = FAULTS[case]
    weak = ["ciphers DEFAULT@SECLEVEL=0"] if case == "too weak" else []
    serve(guarded, authority, authority.odd(**({"begins": DAY} | how)), *weak)
    assert words in await refused(guarded.port, TlsSettings(ca_file=authority.ca))


async def test_a_certificate_whose_time_is_over_before_it_began_is_refused_too(
    guarded: Mosquitto, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be made, so the clock jumps between the two looks at it."""
    monkeypatch.setattr(tls, "synchronised", lambda: False)
    monkeypatch.setattr(tls, "_now", lambda: 4e9)
    serve(guarded, authority, authority.odd(begins=DAY))
    assert "has expired" in await refused(guarded.port, TlsSettings(ca_file=authority.ca))


# Certificates of the bridge -------------------------------------------------------------------------------------------


async def test_a_broker_that_wants_to_see_a_certificate(
    guarded: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    serve(guarded, authority, "broker", "require_certificate true", "use_identity_as_username true")
    told = await refused(guarded.port, TlsSettings(ca_file=authority.ca))
    # The broker says it in the moment in which it hangs up, so that it is not always heard.
    assert "wants a certificate of the bridge, add `certificate_file` and `key_file`" in told.replace(";", ",")

    certificate, key = authority.for_bridge()
    shown = TlsSettings(ca_file=authority.ca, certificate_file=certificate, key_file=key)
    async with running(Bridge(guarded.port, tls=shown)) as bridge:
        await bridge.is_up()

    stranger = Authority(tmp_path / "stranger")
    certificate, key = stranger.for_bridge()
    foreign = TlsSettings(ca_file=authority.ca, certificate_file=certificate, key_file=key)
    assert "refuses the bridge's certificate" in await refused(guarded.port, foreign)


async def test_a_broker_without_tls_1_3_that_wants_to_see_a_certificate(
    guarded: Mosquitto, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tls.context

    def older(settings: TlsSettings) -> tls.Context:
        context = made(settings)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    monkeypatch.setattr(tls, "context", older)
    serve(guarded, authority, "broker", "require_certificate true")
    assert "wants a certificate of the bridge" in await refused(guarded.port, TlsSettings(ca_file=authority.ca))


async def test_certificates_are_renewed_without_a_restart_of_the_bridge(
    guarded: Mosquitto, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Even the authority becomes another; the bridge that was there before goes on when its file is replaced."""
    known = tmp_path / "ca.crt"
    shutil.copy(authority.ca, known)
    serve(guarded, authority)
    async with running(Bridge(guarded.port, tls=TlsSettings(ca_file=known))) as bridge:
        await bridge.is_up()
        guarded.kill()
        another = Authority(tmp_path / "another")
        serve(guarded, another)
        await told(caplog, "is not signed by anybody in `ca_file`")
        shutil.copy(another.ca, known)
        await bridge.is_up()


async def test_a_broker_shows_its_renewed_certificate_after_a_reload(guarded: Mosquitto, authority: Authority) -> None:
    """As docs/broker.md says; the bridge that is connected is not disturbed by it."""
    serve(guarded, authority)
    async with running(Bridge(guarded.port, tls=TlsSettings(ca_file=authority.ca))) as bridge:
        await bridge.is_up()
        authority.renew()
        fresh = ssl.PEM_cert_to_DER_cert((authority.folder / "broker.crt").read_text())
        guarded.read_again()
        async with asyncio.timeout(PATIENCE_S):
            while True:  # a signal is not answered
                shown = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", guarded.port))
                if ssl.PEM_cert_to_DER_cert(shown) == fresh:
                    break
        assert bridge.ups == 1


async def told(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while words not in caplog.text:  # noqa: ASYNC110 - the log has no event
            await asyncio.sleep(0.01)


# The wrong door -------------------------------------------------------------------------------------------------------


async def test_a_port_without_encryption(broker: Mosquitto, authority: Authority) -> None:
    told = await refused(broker.port, TlsSettings(ca_file=authority.ca))
    assert "is this its port without TLS?" in told


async def test_a_port_with_encryption_that_is_spoken_to_in_the_clear(guarded: Mosquitto, authority: Authority) -> None:
    serve(guarded, authority)
    assert "hung up at once; if it wants TLS there, add `tls: yes`" in await refused(guarded.port, None)


async def test_who_answers_in_another_language(authority: Authority) -> None:
    async def serve_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read(1000)
        writer.close()

    async with await asyncio.start_server(serve_text, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert "answers without encryption" in await refused(port, TlsSettings(ca_file=authority.ca))


async def test_who_says_nothing_is_given_up(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = await refused(silent.getsockname()[1], TlsSettings(ca_file=authority.ca))
    assert "did not answer within 0.3 s" in told


async def test_nobody_is_there(authority: Authority, unused_tcp_port: int) -> None:
    told = await refused(unused_tcp_port, TlsSettings(ca_file=authority.ca))
    assert "is not reached: Connection refused" in told


# Files ----------------------------------------------------------------------------------------------------------------


def without_certificate(authority: Authority) -> tuple[str, TlsSettings]:
    (authority.folder / "empty").write_text("nothing")
    return "ca_file", TlsSettings(ca_file=authority.folder / "empty")


def missing(authority: Authority) -> tuple[str, TlsSettings]:
    return "ca_file", TlsSettings(ca_file=authority.folder / "none")


def foreign_key(authority: Authority) -> tuple[str, TlsSettings]:
    certificate, _key = authority.for_bridge()
    key = authority.folder / "broker.key"
    return "key_file", TlsSettings(ca_file=authority.ca, certificate_file=certificate, key_file=key)


def locked_key(authority: Authority) -> tuple[str, TlsSettings]:
    odd = authority.folder / authority.odd(passphrase=b"secret")
    return "key_file", TlsSettings(
        ca_file=authority.ca, certificate_file=odd.with_suffix(".crt"), key_file=odd.with_suffix(".key")
    )


def no_key(authority: Authority) -> tuple[str, TlsSettings]:
    certificate, _key = authority.for_bridge()
    return "key_file", TlsSettings(
        ca_file=authority.ca, certificate_file=certificate, key_file=authority.folder / "no.key"
    )


@pytest.mark.parametrize("case", [without_certificate, missing, foreign_key, locked_key, no_key])
async def test_a_file_that_cannot_be_used_is_named_and_nobody_is_asked(
    authority: Authority, case: Callable[[Authority], tuple[str, TlsSettings]]
) -> None:
    key, settings = case(authority)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        told = await refused(listening.getsockname()[1], settings)
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert f"is not asked: `{key}` under `mqtt`: " in told


async def test_the_authorities_of_the_system_are_trusted_only_if_the_owner_says_so(
    guarded: Mosquitto, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(guarded, authority)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    async with running(Bridge(guarded.port, tls=TlsSettings(ca_file=None))) as bridge:
        await bridge.is_up()
    monkeypatch.undo()
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)  # as the daemon has it
    assert "is not signed by anybody" in await refused(guarded.port, TlsSettings(ca_file=None))
