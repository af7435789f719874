"""What the configuration says, as the rest of the bridge uses it: frozen values with their defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from driveway_bridge import contract
from driveway_bridge.addressing import LinkSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """How the connection to the broker is encrypted."""

    ca_file: Path | None
    """The authority that is trusted, or several of them; None: those of the system."""
    certificate_file: Path | None = None
    """What the bridge shows the broker of itself; with it `key_file`."""
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """The broker."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarSettings:
    """One car and how it is reached."""

    vin: str = field(repr=False)
    name: str = "Car"
    link: LinkSettings = "bluetooth"
    status_every_s: float = 30.0
    hold_s: float = 10.0
    """Seconds that an idle link is kept after a command; infinite: always."""
    details: bool = True
    """Whether infotainment is asked at all (charge, climate, ...), while the car is awake anyway."""
    location: bool = False
    """Whether the car's position is asked for and published."""
    wakes: int = 20
    """How often the bridge may wake the car in a day, for commands that need it. Locks never do."""
    awake_minutes: int = 60
    """How long the bridge's questions may keep the car awake in a day, after commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """One ESPHome Bluetooth proxy."""

    host: str
    port: int = 6053
    name: str | None = None
    key: str | None = field(default=None, repr=False)
    """The encryption key of its API, 32 bytes in base64; None: it speaks in the clear."""

    @property
    def shown(self) -> str:
        """How it is called in messages."""
        return self.name or self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class BluetoothSettings:
    """Which radio, or which radios; nothing said: the system's first."""

    adapter: str | None = None
    """As `hci0`, or the adapter's address."""
    adapters: tuple[str, ...] | Literal["all", "none"] | None = None
    """Several of them."""
    proxies: tuple[ProxySettings, ...] = ()
    hci: str | None = None
    """A virtual radio, as `tcp-client:127.0.0.1:6402`."""
    heal: bool = True
    """Whether a radio that has gone deaf is switched off and on, and the service ended if nothing helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """The bridge's own page; there is none unless it is asked for."""

    host: str = "127.0.0.1"
    """Where it listens: an address of this machine; `0.0.0.0` or `::` for all."""
    port: int = 8095
    password: str = field(repr=False)


PLAIN_TOPICS: Final = ("locking", "closing", "charging", "climate", "media", "signals")
"""What unsigned words may do unless the owner says otherwise: nothing that opens, nor sends the car's guard away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that the file says."""

    mqtt: MqttSettings
    cars: tuple[CarSettings, ...]
    base_topic: str = contract.DEFAULT_BASE
    name: str = "Driveway"
    bluetooth: BluetoothSettings = BluetoothSettings()
    web: WebSettings | None = None
    plain_topics: tuple[str, ...] = PLAIN_TOPICS
    """Commands and groups of them that may be asked for unsigned; nothing: there are no plain topics."""
    homeassistant_discovery: bool = False
    """Whether Home Assistant is told of the cars by its own MQTT discovery, while the component is not there."""
    discovery_prefix: str = "homeassistant"
