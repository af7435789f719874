"""The checks of an authenticated command, one by one, in their order, with their edges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from driveway_bridge.proto import MessageFault_E, RoutableMessage
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.verifier import MAX_CLOCK, RejectedError, Verifier
from tests.bridge.simulator.raw_client import LOCK, VIN, RawClient

START = 500.0
CLOCK = 100
NOW = START + CLOCK + 0.4


class Pair:
    """A verifier and the client whose session it is."""

    def __init__(self, *, strict: bool = True, domain: Domain = Domain.VEHICLE_SECURITY) -> None:
        car = PrivateKey.generate()
        self.client = RawClient(PrivateKey.generate(), domain=domain)
        secret = car.shared_secret(self.client.key.public)
        self.verifier = Verifier(VIN, domain, car.public, secret, bytes_of(b"e"), START, strict=strict)
        self.client.accept(*self.verifier.session_info(b"challenge", NOW), b"challenge")

    def judge(self, request: RoutableMessage, now: float = NOW) -> tuple[str, bool]:
        """Fault and whether session info goes with it; ("accepted", False)."""
        try:
            proof = self.verifier.verify(request, now)
        except RejectedError as rejection:
            name = MessageFault_E.Name(rejection.fault).removeprefix("MESSAGEFAULT_ERROR_")
            return name, rejection.with_info
        assert proof.plaintext == LOCK
        return "accepted", False


def bytes_of(byte: bytes) -> Callable[[int], bytes]:
    return lambda size: byte * size


@pytest.fixture(params=[False, True], ids=["gcm", "hmac"])
def hmac_tag(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def pair() -> Pair:
    return Pair()


ACCEPTED = ("accepted", False)


def test_good_command(pair: Pair, hmac_tag: bool) -> None:
    assert pair.client.clock == CLOCK
    assert pair.judge(pair.client.signed(LOCK, hmac_tag=hmac_tag)) == ACCEPTED
    assert pair.verifier.window.counter == 1


def test_epoch_may_be_left_out(pair: Pair, hmac_tag: bool) -> None:
    assert pair.judge(pair.client.signed(LOCK, name_epoch=False, hmac_tag=hmac_tag)) == ACCEPTED


# 1: no signature


def test_no_signature(pair: Pair) -> None:
    assert pair.judge(pair.client.unsigned(LOCK)) == ("BAD_PARAMETER", False)


def test_other_kind_of_signature(pair: Pair) -> None:
    request = pair.client.unsigned(LOCK)
    request.signature_data.session_info_tag.tag = bytes(32)
    assert pair.judge(request) == ("BAD_PARAMETER", False)


# 2: not for this domain


def test_other_domain(pair: Pair) -> None:
    request = pair.client.signed(LOCK)
    request.to_destination.domain = 3  # type: ignore[assignment]
    assert pair.judge(request) == ("INVALID_DOMAINS", False)


def test_routing_address_instead_of_domain(pair: Pair) -> None:
    request = pair.client.signed(LOCK)
    request.to_destination.routing_address = bytes(16)
    assert pair.judge(request) == ("INVALID_DOMAINS", False)


def test_no_destination(pair: Pair) -> None:
    request = pair.client.signed(LOCK)
    request.ClearField("to_destination")
    assert pair.judge(request) == ("INVALID_DOMAINS", False)


# 3: epoch


def test_old_epoch(pair: Pair, hmac_tag: bool) -> None:
    pair.client.epoch = b"f" * 16
    assert pair.judge(pair.client.signed(LOCK, hmac_tag=hmac_tag)) == ("INCORRECT_EPOCH", True)


def test_epoch_is_checked_before_expiry(pair: Pair) -> None:
    pair.client.epoch = b"f" * 16
    assert pair.judge(pair.client.signed(LOCK, expires_at=1)) == ("INCORRECT_EPOCH", True)


# 4: expiry


def test_expired(pair: Pair, hmac_tag: bool) -> None:
    request = pair.client.signed(LOCK, expires_at=CLOCK - 1, hmac_tag=hmac_tag)
    assert pair.judge(request) == ("TIME_EXPIRED", True)


def test_valid_in_the_very_second_of_its_expiry(pair: Pair, hmac_tag: bool) -> None:
    assert pair.judge(pair.client.signed(LOCK, expires_at=CLOCK, hmac_tag=hmac_tag)) == ACCEPTED


def test_expired_one_second_later(pair: Pair) -> None:
    request = pair.client.signed(LOCK, expires_at=CLOCK)
    assert pair.judge(request, START + CLOCK + 0.999) == ACCEPTED
    other = pair.client.signed(LOCK, expires_at=CLOCK)
    assert pair.judge(other, START + CLOCK + 1) == ("TIME_EXPIRED", True)


def test_no_expiry_with_a_new_counter(pair: Pair) -> None:
    assert pair.judge(pair.client.signed(LOCK, expires_at=0)) == ACCEPTED


# 5: no expiry at all


def test_far_expiry(pair: Pair) -> None:
    assert pair.judge(pair.client.signed(LOCK, expires_at=MAX_CLOCK)) == ACCEPTED
    assert pair.judge(pair.client.signed(LOCK, expires_at=MAX_CLOCK + 1)) == ("BAD_PARAMETER", True)


# 6: what may be replayed must not live long


def test_counter_zero(pair: Pair) -> None:
    too_long = ("TIME_TO_LIVE_TOO_LONG", True)
    assert pair.judge(pair.client.signed(LOCK, counter=0, expires_at=CLOCK + 31)) == too_long
    assert pair.judge(pair.client.signed(LOCK, counter=0, expires_at=0)) == too_long
    assert pair.judge(pair.client.signed(LOCK, counter=0, expires_at=CLOCK + 30)) == ACCEPTED
    assert pair.verifier.window.counter == 0


def test_old_counter_with_long_life(pair: Pair) -> None:
    assert pair.judge(pair.client.signed(LOCK, counter=10)) == ACCEPTED
    assert pair.judge(pair.client.signed(LOCK, counter=9, expires_at=0)) == ("TIME_TO_LIVE_TOO_LONG", True)
    assert pair.judge(pair.client.signed(LOCK, counter=9, expires_at=CLOCK + 31)) == ("TIME_TO_LIVE_TOO_LONG", True)
    # The highest counter itself is not "before the highest": it is found out as a replay.
    assert pair.judge(pair.client.signed(LOCK, counter=10, expires_at=0)) == ("INVALID_TOKEN_OR_COUNTER", True)


# 7: tag


def test_altered_message(pair: Pair, hmac_tag: bool) -> None:
    request = pair.client.signed(LOCK, hmac_tag=hmac_tag)
    payload = request.protobuf_message_as_bytes
    request.protobuf_message_as_bytes = payload[:-1] + bytes((payload[-1] ^ 1,))
    assert pair.judge(request) == ("INVALID_SIGNATURE", True)


def test_altered_flags(pair: Pair, hmac_tag: bool) -> None:
    request = pair.client.signed(LOCK, flags=2, hmac_tag=hmac_tag)
    request.flags = 0
    assert pair.judge(request) == ("INVALID_SIGNATURE", True)


def test_altered_counter(pair: Pair) -> None:
    request = pair.client.signed(LOCK)
    request.signature_data.AES_GCM_Personalized_data.counter += 1
    assert pair.judge(request) == ("INVALID_SIGNATURE", True)


def test_other_car(pair: Pair, hmac_tag: bool) -> None:
    request = pair.client.signed(LOCK, signed_vin="5YJ3E1EA1KF000000", hmac_tag=hmac_tag)
    assert pair.judge(request) == ("INVALID_SIGNATURE", True)


def test_epoch_left_out_but_another_used(pair: Pair) -> None:
    pair.client.epoch = b"f" * 16
    assert pair.judge(pair.client.signed(LOCK, name_epoch=False)) == ("INVALID_SIGNATURE", True)


@pytest.mark.parametrize("tag", [b"", bytes(16), bytes(15), bytes(40)])
def test_wrong_tags_of_any_length(pair: Pair, tag: bytes, hmac_tag: bool) -> None:
    request = pair.client.signed(LOCK, hmac_tag=hmac_tag)
    signature = request.signature_data
    (signature.HMAC_Personalized_data if hmac_tag else signature.AES_GCM_Personalized_data).tag = tag
    assert pair.judge(request) == ("INVALID_SIGNATURE", True)


@pytest.mark.parametrize("size", [0, 11, 13, 16])
def test_nonce_of_another_length(pair: Pair, size: int) -> None:
    assert pair.judge(pair.client.signed(LOCK, nonce=bytes(size))) == ("IV_INCORRECT_LENGTH", False)


def test_nothing_changes_before_the_tag_is_right(pair: Pair) -> None:
    request = pair.client.signed(LOCK, counter=4_000_000_000)
    request.signature_data.AES_GCM_Personalized_data.tag = bytes(16)
    pair.judge(request)
    assert pair.verifier.window.counter == 0
    assert pair.judge(pair.client.signed(LOCK, counter=1)) == ACCEPTED


# 8: replays


def test_replay(pair: Pair, hmac_tag: bool) -> None:
    request = pair.client.signed(LOCK, hmac_tag=hmac_tag)
    assert pair.judge(request) == ACCEPTED
    assert pair.judge(request) == ("INVALID_TOKEN_OR_COUNTER", True)


def test_vcsec_wants_increasing_counters(pair: Pair) -> None:
    early, late = pair.client.signed(LOCK), pair.client.signed(LOCK)
    assert pair.judge(late) == ACCEPTED
    assert pair.judge(early) == ("INVALID_TOKEN_OR_COUNTER", True)


def test_infotainment_allows_some_disorder() -> None:
    pair = Pair(strict=False, domain=Domain.INFOTAINMENT)
    early, late = pair.client.signed(LOCK), pair.client.signed(LOCK)
    assert pair.judge(late) == ACCEPTED
    assert pair.judge(early) == ACCEPTED
    assert pair.judge(early) == ("INVALID_TOKEN_OR_COUNTER", True)


def test_disorder_ends_at_the_window() -> None:
    pair = Pair(strict=False, domain=Domain.INFOTAINMENT)
    assert pair.judge(pair.client.signed(LOCK, counter=100)) == ACCEPTED
    assert pair.judge(pair.client.signed(LOCK, counter=68)) == ACCEPTED
    assert pair.judge(pair.client.signed(LOCK, counter=67)) == ("INVALID_TOKEN_OR_COUNTER", True)


# Epochs


def test_clock_that_ran_too_long_ends_the_epoch(pair: Pair) -> None:
    pair.verifier._random = bytes_of(b"g")
    request = pair.client.signed(LOCK, expires_at=MAX_CLOCK)
    assert pair.judge(request, START + MAX_CLOCK + 1) == ("INCORRECT_EPOCH", True)
    assert pair.verifier.epoch == b"g" * 16
    assert pair.verifier.clock(START + MAX_CLOCK + 3.5) == 2
