"""`driveway check-config`: read the configuration, and say what was understood or what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from driveway_bridge.config import Understood
    from driveway_bridge.settings import CarSettings, TlsSettings


@click.command("check-config")
@click.option(
    "--config",
    "-c",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The configuration file.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for programs.")
def check_config(file: Path, *, as_json: bool) -> None:
    """Look through a configuration file.

    When it is fine, says what was understood, defaults included, and what is allowed but weak; the exit status is 0.
    Otherwise every problem is printed with its line, column and remedy, and the exit status is 2. Passwords and VINs
    are never printed. Nothing is written, and neither broker nor car is asked.
    """
    from driveway_bridge import config, config_remarks  # the schema costs 0.1 s

    understood = config.understand(file)
    weak = config_remarks.remarks(understood)
    settings = understood.settings
    broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
    if as_json:
        document = {"fine": True, "cars": len(settings.cars), "broker": broker}
        click.echo(json.dumps(document | {"understood": _document(understood), "remarks": weak}))
        return
    cars = "1 car" if len(settings.cars) == 1 else f"{len(settings.cars)} cars"
    click.echo(f"fine: {cars}, broker {broker}")
    for line in _lines(understood):
        click.echo(f"  {line}")
    for remark in weak:
        click.echo(f"weak: {remark}")


def _lines(understood: Understood) -> Iterator[str]:
    """What was understood, for people."""
    settings = understood.settings
    secret = understood.secrets.get("mqtt")
    password = "without a password" if secret is None else f"password from {secret.source}"
    user = "without a user" if settings.mqtt.username is None else "with a user"
    tls = settings.mqtt.tls
    encrypted = "in the clear" if tls is None else f"encrypted, {_of_tls(tls)}"
    yield f"broker: {user}, {password}, {encrypted}"
    yield f"everything below the topic {settings.base_topic}, as {settings.name}"
    for car in settings.cars:
        yield f"{car.name}: {'; '.join(_of_car(car))}"
    radio = settings.bluetooth
    which = (radio.hci and "virtual") or radio.adapter or "the system's first"
    if radio.adapters is not None:
        which = radio.adapters if isinstance(radio.adapters, str) else ", ".join(radio.adapters)
    yield f"Bluetooth adapter: {which}{', brought back when it goes deaf' if radio.heal else ''}"
    for proxy in radio.proxies:
        host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
        yield f"Bluetooth proxy {proxy.shown}: {host}:{proxy.port}, {'encrypted' if proxy.key else 'in the clear'}"
    allowed = ", ".join(settings.plain_topics)
    yield f"plain topics: unsigned words may do this: {allowed}" if allowed else "plain topics: none"
    yield f"Home Assistant's discovery: {settings.discovery_prefix if settings.homeassistant_discovery else 'off'}"
    if settings.web is None:
        yield "page: none"
    else:
        host = f"[{settings.web.host}]" if ":" in settings.web.host else settings.web.host
        yield f"page: {host}:{settings.web.port}, password from {understood.secrets['web'].source}"


def _of_tls(tls: TlsSettings) -> str:
    trusted = "whom this computer trusts" if tls.ca_file is None else "what `ca_file` holds"
    return f"trusting {trusted}" + ("" if tls.certificate_file is None else ", with a certificate of its own")


def _of_car(car: CarSettings) -> Iterator[str]:
    from driveway_bridge.config_values import LINK

    yield "by Bluetooth" if car.link == "bluetooth" else f"at {LINK.show(car.link)}"
    yield f"asked for locks and doors every {car.status_every_s:g} s"
    details = "for details too" if car.details else "for no details"
    yield f"{details}, {'and' if car.location else 'not'} where it is"
    yield "connection kept for ever" if car.hold_s == float("inf") else f"idle connection kept {car.hold_s:g} s"
    yield f"at most {car.wakes} wake-ups and {car.awake_minutes} minutes awake a day"


def _document(understood: Understood) -> dict[str, Any]:
    """What was understood, for programs; no secret, no VIN and no user."""
    from driveway_bridge.config_options import of
    from driveway_bridge.vin import car_id

    settings = understood.settings
    secrets = {section: secret.source for section, secret in understood.secrets.items()}
    cars = []
    for car in settings.cars:
        shown = {
            option.key: option.kind.show(getattr(car, option.field_name))
            for option in of("cars").values()
            if option.key != "vin"
        }
        cars.append({"id": car_id(car.vin), **shown})
    return {
        "base_topic": settings.base_topic,
        "name": settings.name,
        "cars": cars,
        "bluetooth": {
            "adapter": settings.bluetooth.adapter,
            "adapters": settings.bluetooth.adapters,
            "proxies": [
                {"name": proxy.shown, "host": proxy.host, "port": proxy.port, "encrypted": proxy.key is not None}
                for proxy in settings.bluetooth.proxies
            ],
            "heal": settings.bluetooth.heal,
        },
        "plain_topics": list(settings.plain_topics),
        "homeassistant_discovery": settings.homeassistant_discovery,
        "discovery_prefix": settings.discovery_prefix,
        "web": None if settings.web is None else {"host": settings.web.host, "port": settings.web.port},
        "passwords_from": secrets,
    }
