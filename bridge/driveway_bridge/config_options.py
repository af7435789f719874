"""Every option of the configuration file, once, in one table.

The schema, its messages, the table in the documentation and the check of the example file follow from it.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

from driveway_bridge.config_values import (
    ADAPTER,
    BASE_TOPIC,
    CA_FILE,
    FILE_NAME,
    HOST,
    LINK,
    NAME,
    NOISE_KEY,
    OWN_ADDRESS,
    PERMISSIONS,
    PROXY_HOST,
    SECRET,
    SYSTEM,
    TEXT,
    VIN,
    YES_OR_NO,
    Kind,
    seconds,
    several,
    shaped,
    whole_number,
)
from driveway_bridge.settings import (
    BluetoothSettings,
    CarSettings,
    MqttSettings,
    ProxySettings,
    Settings,
    WebSettings,
)

SHORTEST_PAGE_PASSWORD: Final = 8
SECTIONS: Final[dict[str, type]] = {
    "mqtt": MqttSettings,
    "cars": CarSettings,
    "": Settings,
    "bluetooth": BluetoothSettings,
    "bluetooth.proxies": ProxySettings,
    "web": WebSettings,
}
"""What stands before an option's key, and where its value ends up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key of the file."""

    section: str
    key: str
    kind: Kind
    sentence: str
    """What it is for, in the owner's words."""
    example: str | None = None
    """What the example file holds where that is not the default."""
    required: bool = False
    field: str | None = None
    """The field of the section's settings, where it is not called as the key; "" when there is none."""
    otherwise: str | None = None
    """What goes without it, in words, where there is no default value."""

    @property
    def path(self) -> str:
        """As it is named in messages: `cars.hold`."""
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def field_name(self) -> str:
        """The field of the section's settings; "" when the value goes into none."""
        return self.key if self.field is None else self.field

    @property
    def default(self) -> Any:
        """What holds when the file says nothing; None when that is no value."""
        for one in fields(SECTIONS[self.section]):
            if one.name == self.field_name and one.default is not MISSING:
                return one.default
        return None


OPTIONS: Final = (
    Option(
        section="mqtt",
        key="host",
        kind=HOST,
        sentence="Where the MQTT broker is. It belongs into your own network; nothing else is ever connected to.",
    ),
    Option(
        section="mqtt",
        key="port",
        kind=whole_number(1, 65535),
        sentence="The broker's port. With `tls` it is 8883 unless given.",
    ),
    Option(
        section="mqtt",
        key="username",
        kind=TEXT,
        sentence="The user that the broker knows the bridge as.",
        example="driveway",
        otherwise="none: the broker lets everybody in",
    ),
    Option(
        section="mqtt",
        key="password",
        kind=SECRET,
        sentence="The password of that user.",
        example="a long one",
        otherwise="see [secrets](#secrets)",
    ),
    Option(
        section="mqtt",
        key="password_file",
        kind=FILE_NAME,
        sentence="Instead of `password`: a file that holds it in one line.",
        example="mqtt.password",
        field="",
        otherwise="see [secrets](#secrets)",
    ),
    Option(
        section="mqtt",
        key="tls",
        kind=YES_OR_NO,
        sentence="Whether the connection is encrypted, and the broker has to prove who it is ([how](broker.md)).",
        example="yes",
        field="",
        otherwise="`no`",
    ),
    Option(
        section="mqtt",
        key="ca_file",
        kind=CA_FILE,
        sentence="Whose word on the broker counts: the certificate of your own authority, or of the broker itself; or "
        f"`{SYSTEM}` for all authorities that this computer trusts. The name in `host` has to be in the broker's "
        "certificate. The file is read anew for each connection, as are the two below.",
        example="ca.crt",
        field="",
        otherwise="none: with `tls` it has to be given",
    ),
    Option(
        section="mqtt",
        key="certificate_file",
        kind=FILE_NAME,
        sentence="The bridge's own certificate, for a broker that wants to see one.",
        example="bridge.crt",
        field="",
        otherwise="none",
    ),
    Option(
        section="mqtt",
        key="key_file",
        kind=FILE_NAME,
        sentence="The private key to it, without a passphrase.",
        example="bridge.key",
        field="",
        otherwise="none",
    ),
    Option(
        section="cars",
        key="vin",
        kind=VIN,
        required=True,
        sentence="The car's VIN, from its screen (Controls, Software) or papers. It is never published.",
        example="5YJ30123456789ABC",
    ),
    Option(
        section="cars",
        key="name",
        kind=NAME,
        sentence="How the car is called in Home Assistant and in messages; each car has its own.",
        example="Anna",
    ),
    Option(
        section="cars",
        key="link",
        kind=LINK,
        sentence="How the car is reached: by the Bluetooth radio, or over TCP (a virtual car, a radio elsewhere).",
    ),
    Option(
        section="cars",
        key="status_every",
        kind=seconds(1, 3600),
        field="status_every_s",
        sentence="How often the car is asked for its locks and doors. That neither wakes it nor keeps it awake.",
    ),
    Option(
        section="cars",
        key="hold",
        kind=seconds(0, 3600, keep=math.inf),
        field="hold_s",
        sentence="How long an idle connection is kept. The car has three Bluetooth places, and phones want them too; "
        "`keep` holds it, and then the car tells every change at once; it is still given back while somebody is inside "
        "or all places are taken.",
    ),
    Option(
        section="cars",
        key="details",
        kind=YES_OR_NO,
        sentence="Whether the car is also asked for charge, climate, tyres and so on, while it is awake anyway.",
    ),
    Option(
        section="cars",
        key="location",
        kind=YES_OR_NO,
        sentence="Whether the car is asked where it is. Who may read at the broker sees it then.",
    ),
    Option(
        section="cars",
        key="wakes",
        kind=whole_number(0, 500),
        sentence="How often the bridge may wake the car in a day, for commands that need it. Locking and unlocking "
        "never do.",
    ),
    Option(
        section="cars",
        key="awake_minutes",
        kind=whole_number(0, 1440),
        sentence="How many minutes of a day the bridge's questions may keep the car awake, after commands.",
    ),
    Option(
        section="",
        key="base_topic",
        kind=BASE_TOPIC,
        sentence="Below which topic everything stands in MQTT; the same for all bridges of a house.",
    ),
    Option(section="", key="name", kind=NAME, sentence="How the bridge is called in Home Assistant."),
    Option(
        section="",
        key="plain_topics",
        kind=PERMISSIONS,
        sentence="What [plain topics](mqtt.md#plain-topics) may do: unsigned words, which everybody can write whom the "
        "broker lets publish. `[]`: nothing, and then nobody listens to them.",
    ),
    Option(
        section="",
        key="homeassistant_discovery",
        kind=YES_OR_NO,
        sentence="Whether Home Assistant shows the cars by its own MQTT discovery, for a house without the component. "
        "While the component is there, nothing appears twice.",
    ),
    Option(
        section="",
        key="discovery_prefix",
        kind=BASE_TOPIC,
        sentence="The discovery prefix that Home Assistant's MQTT is set to.",
    ),
    Option(
        section="bluetooth",
        key="adapter",
        kind=ADAPTER,
        sentence="Which Bluetooth adapter is used.",
        example="00:1A:7D:DA:71:13",
        otherwise="the system's first",
    ),
    Option(
        section="bluetooth",
        key="adapters",
        kind=several(ADAPTER, "all", "none", at_least="a list of adapters, each as for `adapter`"),
        sentence="Instead of `adapter`: several, of which the one connects that hears the car best; `all` there are; "
        "`none`, where proxies do it alone.",
        example="[hci0, 00:1A:7D:DA:71:14]",
        otherwise="only one",
    ),
    Option(
        section="bluetooth",
        key="heal",
        kind=YES_OR_NO,
        sentence="Whether a radio that hears nothing any more is switched off and on; if that does not help, the "
        "bridge ends and the service manager starts it anew.",
    ),
    Option(
        section="bluetooth",
        key="hci",
        kind=shaped(r"[a-z]+-?[a-z]*:\S+", "must be as `tcp-client:127.0.0.1:6402`", "as `tcp-client:127.0.0.1:6402`"),
        sentence="Instead of `adapter`: a virtual radio, for tests.",
        example="tcp-client:127.0.0.1:6402",
        otherwise="none",
    ),
    Option(
        section="bluetooth.proxies",
        key="host",
        kind=PROXY_HOST,
        required=True,
        sentence="Where a Bluetooth proxy made with ESPHome is, in your own network. It must serve nobody else, not "
        "even Home Assistant.",
        example="192.168.1.50",
    ),
    Option(section="bluetooth.proxies", key="port", kind=whole_number(1, 65535), sentence="The port of its API."),
    Option(
        section="bluetooth.proxies",
        key="name",
        kind=NAME,
        sentence="How the proxy is called in messages.",
        example="Carport",
        otherwise="its host",
    ),
    Option(
        section="bluetooth.proxies",
        key="key",
        kind=NOISE_KEY,
        sentence="The encryption key of its API. Without one everything goes over your network in the clear, though "
        "what is meant for the car is signed all the same.",
        example="MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        otherwise="see [secrets](#secrets)",
    ),
    Option(
        section="bluetooth.proxies",
        key="key_file",
        kind=FILE_NAME,
        sentence="Instead of `key`: a file that holds it in one line.",
        example="carport.key",
        field="",
        otherwise="see [secrets](#secrets)",
    ),
    Option(
        section="web",
        key="host",
        kind=OWN_ADDRESS,
        sentence="Where the bridge's own page listens: by default only this computer can open it. It is plain HTTP: in "
        "a network where others listen, the password can be read on the way.",
    ),
    Option(section="web", key="port", kind=whole_number(1, 65535), sentence="The page's port."),
    Option(
        section="web",
        key="password",
        kind=SECRET,
        sentence=f"The page asks for it: {SHORTEST_PAGE_PASSWORD} characters or more. Without a password there is no "
        "page.",
        example="another long one",
        otherwise="see [secrets](#secrets)",
    ),
    Option(
        section="web",
        key="password_file",
        kind=FILE_NAME,
        sentence="Instead of `password`: a file that holds it in one line.",
        example="web.password",
        field="",
        otherwise="see [secrets](#secrets)",
    ),
)


def of(section: str) -> dict[str, Option]:
    """The options of a section by key, in the order of the table; "" for those at the top of the file."""
    return {option.key: option for option in OPTIONS if option.section == section}
