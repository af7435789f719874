"""Which reason codes are about the bridge's radios, and not about a car."""

from __future__ import annotations

from typing import Final

OF_THE_RADIO: Final = frozenset(
    {
        "radio_unavailable",
        "no_bluetooth_service",
        "bluetooth_forbidden",
        "no_adapter",
        "adapter_off",
        "radio_deaf",
        "proxy_unreachable",
        "proxy_key_wrong",
        "proxy_unsuitable",
        "proxy_taken",
        "proxy_full",
    }
)
