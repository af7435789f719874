"""What can go wrong with the car, by name; each can be switched while the car runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Fault(StrEnum):
    """One way to misbehave; `explanation` says what an observer sees."""

    explanation: str

    def __new__(cls, name: str, explanation: str) -> Self:
        fault = str.__new__(cls, name)
        fault._value_ = name
        fault.explanation = explanation
        return fault

    # The link.
    SILENT = "silent", "hears everything, does nothing and says nothing, not even by itself"
    HANG_UP_ON_REQUEST = "hang_up_on_request", "drops the link when a signed request arrives, before doing it"
    HANG_UP_AFTER_EXECUTE = "hang_up_after_execute", "does what a signed request wants, then drops the link unanswered"
    PLACES_FULL = "places_full", "all places are taken: no new link is accepted"
    FRAGMENT_ONE_BYTE = "fragment_one_byte", "sends everything one byte at a time"
    GARBAGE_BEFORE_REPLY = "garbage_before_reply", "sends a frame that nobody can read before every reply"
    FOREIGN_REPLY = "foreign_reply", "sends the same reply to somebody else's address before every reply"
    NO_PUSH = "no_push", "does not tell by itself that its state has changed"
    NO_BROADCASTS = "no_broadcasts", "does not call for phone keys every second"
    BARE_FRAMES = "bare_frames", "calls for phone keys in frames without an envelope, as on a fresh link"
    MERGED_FRAMES = "merged_frames", "sends all that is due in one piece"
    HALF_REPLY = "half_reply", "sends only the first half of a reply, and nothing for the rest"
    # Replies.
    LOST_ACK = "lost_ack", "does what a signed request wants, but its reply gets lost"
    DUPLICATE_REPLY = "duplicate_reply", "sends every reply twice, with the same response counter"
    THREE_PART_REPLY = "three_part_reply", "says 'signature fine' and 'in order' before the acknowledgement"
    ENCRYPTED_ACK = "encrypted_ack", "acknowledges with an empty encrypted payload instead of none"
    PLAINTEXT_REPLIES = "plaintext_replies", "never encrypts, like firmware before 2024.38"
    WRONG_TAG_REPLY = "wrong_tag_reply", "puts a wrong tag on encrypted replies"
    NO_UUID_ECHO = "no_uuid_echo", "does not say which request an ordinary reply answers"
    RESPONSE_TOO_LARGE = (
        "response_too_large",
        "does what a signed request wants, then finds its reply too long (fault 25)",
    )
    WAIT_BUT_DONE = "wait_but_done", "asks to wait although it has done what a signed request wants"
    LEGACY_ERROR = "legacy_error", "says 'error' without a reason before the reply that counts, like old firmware"
    FUTURE_VALUES = "future_values", "tells states and fields that nobody knows yet"
    # Sessions.
    LATE_SESSION_INFO = "late_session_info", "session information takes 5 s, too long to be accepted"
    WRONG_TAG_SESSION_INFO = "wrong_tag_session_info", "session information carries a wrong tag"
    REBOOT_ON_NEXT = (
        "reboot_on_next",
        "reboots as the next signed request arrives: new epoch, counter and clock 0; once",
    )
    CHANGED_CAR_KEY = "changed_car_key", "has another key pair than before, as after a repair"
    INFOTAINMENT_KEY_CHANGED = (
        "infotainment_key_changed",
        "infotainment has another key pair, but the same epoch: every signature is wrong until a new handshake",
    )
    OLD_SESSION_INFO = "old_session_info", "answers a handshake with the first session information it ever gave"
    CLOCK_BEHIND = "clock_behind", "session information shows a clock that has not run since the epoch began"
    KEY_REMOVED = "key_removed", "knows no keys, as if they had been removed"
    # Refusals.
    BUSY = "busy", "asks to wait and does nothing"
    INTERNAL_ERROR = "internal_error", "answers every signed request with an internal error, as while it starts"
    TIMEOUT = "timeout", "answers every signed request with a timeout of the part that should do it"
    KEY_INACTIVE = "key_inactive", "knows the key, but has disabled it"
    ENCRYPTION_REQUIRED = "encryption_required", "refuses signed requests that do not ask for an encrypted reply"
    BOOT_BUSY = "boot_busy", "infotainment answers 'busy' while it starts, instead of nothing"
    BOOT_INTERNAL = "boot_internal", "infotainment answers 'internal error' while it starts, instead of nothing"
    MOBILE_ACCESS_OFF = "mobile_access_off", "mobile access is switched off in the car's menu"
    ERROR_WITHOUT_REASON = "error_without_reason", "refuses without saying why"
    COMFORT_DISABLED = "comfort_disabled", "seats and steering wheel may not be warmed or cooled from afar"
    IS_NOT_CHARGING = "is_not_charging", "says 'is_not_charging' where it else says 'not_charging'"
    OLD_WAKE = "old_wake", "does not let a charging manager wake it, like firmware before the middle of 2024"
    NO_CARD_WAIT = "no_card_wait", "does not say that it waits for a card, only how the enrolment of a key ended"
    SILENT_ENROLMENT = "silent_enrolment", "says nothing while a key is enrolled by card, like newer cars"
    IGNORED_ENROLMENT = "ignored_enrolment", "ignores requests to add a key by card, without a word"
    # State.
    STATUS_WITHOUT_CLOSURES = "status_without_closures", "leaves doors and lids out of its status even while awake"
    SLEEP_UNKNOWN = "sleep_unknown", "its status does not tell whether it sleeps"
    SAYS_AWAKE = "says_awake", "its status says awake even while it sleeps"
    WAKE_IGNORED = "wake_ignored", "acknowledges a wake-up, but sleeps on"
    AMPS_IGNORED = "amps_ignored", "acknowledges another charging current, but keeps the old one"
    NO_TITLES = "no_titles", "does not tell what is played"
    STUCK_LOCK = "stuck_lock", "acknowledges lock and unlock, but the bolts do not move"


ONCE = {Fault.REBOOT_ON_NEXT}
"""Faults that switch themselves off when they have struck."""


class Faults:
    """The faults that are switched on now."""

    def __init__(self) -> None:
        self._on: dict[Fault, bool] = {}

    def __contains__(self, fault: Fault) -> bool:
        return fault in self._on

    def switch(self, fault: Fault, *, on: bool, once: bool = False) -> None:
        """Switch a fault on or off; `once`: off again when it has struck."""
        if on:
            self._on[fault] = once or fault in ONCE
        else:
            self._on.pop(fault, None)

    def strikes(self, fault: Fault) -> bool:
        """Whether the fault happens now; one that is on for once is over then."""
        if fault not in self._on:
            return False
        if self._on[fault]:
            del self._on[fault]
        return True


def parse(name: str) -> Fault:
    """Find a fault by name; ValueError with a sentence for any other."""
    for fault in Fault:
        if fault.value == name:
            return fault
    raise ValueError(f"there is no fault '{name}'; `driveway simulate --list-faults` shows them all")
