"""What is allowed in a configuration, and yet weak: sentences for the owner, each with what to do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from driveway_bridge.config import Understood
from driveway_bridge.config_secrets import Secret, open_to_all
from driveway_bridge.mqtt import widened
from driveway_bridge.settings import Settings, WebSettings


def remarks(understood: Understood) -> list[str]:
    """All of them, none of which holds a secret; none is the best answer."""
    return [*_of_settings(understood.settings), *_of_secrets(understood)]


def _of_settings(settings: Settings) -> Iterator[str]:
    if settings.mqtt.password is None and not is_loopback(settings.mqtt.host):
        yield (
            "mqtt: the broker is on another computer and asks for no password, so everybody in your network can read "
            "the car's state there; give the broker users with passwords"
        )
    tls = settings.mqtt.tls
    if tls is not None and tls.key_file is not None and open_to_all(tls.key_file):
        yield "mqtt.key_file: every user of this computer may read that file; `chmod o-r` it"
    several = settings.bluetooth.adapters
    named = several if isinstance(several, tuple) else (settings.bluetooth.adapter,)
    key = "adapters" if isinstance(several, tuple) else "adapter"
    for adapter in named:
        if adapter is None or not re.fullmatch("hci[0-9]+", adapter):
            continue
        yield (
            f"bluetooth.{key}: `{adapter}` may be another adapter after a restart; write its address instead "
            "(`bluetoothctl list` shows it)"
        )
    for proxy in settings.bluetooth.proxies:
        if proxy.key is None and not is_loopback(proxy.host):
            yield (
                f"bluetooth.proxies: {proxy.shown} has no `key`, so everybody in your network can read what goes "
                "through it, and use it; give its ESPHome an `api:` with `encryption:`, and the key here"
            )
    if (told := widened.warning(settings.plain_topics)) is not None:
        yield told
    if settings.homeassistant_discovery and not settings.plain_topics:
        yield "homeassistant_discovery: without `plain_topics` Home Assistant shows the cars, and cannot do anything"
    if settings.web is not None and not is_loopback(settings.web.host):
        yield page_in_the_open(settings.web)


def page_in_the_open(web: WebSettings) -> str:
    """What is weak about a page that others than this computer can open."""
    return (
        f"web.host: the bridge's page can be opened from your network (at {web.host}), and as it is plain HTTP its "
        "password can be read on the way; keep it to networks that you trust, never the Internet"
    )


def _of_secrets(understood: Understood) -> Iterator[str]:
    for section, secret in understood.secrets.items():
        match secret:
            case Secret(exposed=None):
                pass
            case Secret(exposed="configuration"):
                yield (
                    f"{section}.{secret.source}: every user of this computer may read the configuration, which holds "
                    f"it; `chmod o-r` that file, or use `{secret.source}_file`"
                )
            case _:
                yield f"{section}.{secret.exposed}: every user of this computer may read that file; `chmod o-r` it"


def is_loopback(host: str) -> bool:
    """Whether only this computer is there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("localhost", "ip6-localhost")
