"""The configuration file: what is right becomes settings, what is wrong is said by place, and never with its value."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driveway_bridge import config, config_listing, config_options, config_remarks, config_schema, yaml_file
from driveway_bridge.config import CarSettings, MqttSettings, ProxySettings, Settings, TcpAddress, WebSettings
from driveway_bridge.errors import ConfigurationError

VIN = "5YJ30123456789ABC"
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "bridge/driveway.example.yaml"
CAR = f"cars: [{{vin: {VIN}}}]\n"
PROXY_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def problems(tmp_path: Path, text: str | bytes, **environment: str) -> list[str]:
    """What is said of a file, without the file's name; the folder must stay as it was."""
    file = tmp_path / "driveway.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigurationError) as caught:
        config.load(file, environment)
    assert sorted(tmp_path.rglob("*")) == before
    assert all(line.startswith(f"{file}:") and "\n" not in line for line in caught.value.problems)
    return [line.removeprefix(f"{file}:") for line in caught.value.problems]


def load(tmp_path: Path, text: str, **environment: str) -> config.Settings:
    file = tmp_path / "driveway.yaml"
    file.write_text(text)
    return config.load(file, environment)


# What is right --------------------------------------------------------------------------------------------------------


def test_a_vin_is_all_that_has_to_be_said(tmp_path: Path) -> None:
    made = load(tmp_path, f"cars:\n  - vin: {VIN.lower()}\n")
    assert made.mqtt == config.MqttSettings(host="127.0.0.1", port=1883, username=None, password=None)
    (car,) = made.cars
    assert (car.vin, car.name, car.link) == (VIN, "Car", "bluetooth")
    assert (car.status_every_s, car.hold_s) == (30.0, 10.0)
    assert (made.base_topic, made.name) == ("driveway", "Driveway")
    assert made.bluetooth == config.BluetoothSettings()


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    made = load(
        tmp_path,
        f"""
        mqtt: {{host: "fe80::1", port: 8883, username: driveway, password: "007"}}
        base_topic: house/driveway
        name: Carport
        bluetooth: {{adapter: hci1}}
        cars:
          - {{vin: {VIN}, name: 2024, link: "tcp://[::1]:4711", status_every: 5.5, hold: keep}}
          - {{vin: 5YJ30123456789ABD, name: on, link: tcp://car.lan:1, hold: 0}}
        """,
    )
    assert made.mqtt == config.MqttSettings(host="fe80::1", port=8883, username="driveway", password="007")
    first, second = made.cars
    assert (first.name, first.link, first.status_every_s, first.hold_s) == (
        "2024",
        TcpAddress("::1", 4711),
        5.5,
        math.inf,
    )
    assert (second.name, second.link, second.hold_s) == ("on", TcpAddress("car.lan", 1), 0.0)
    assert (made.base_topic, made.name, made.bluetooth.adapter) == ("house/driveway", "Carport", "hci1")


def test_neither_password_nor_vin_is_in_the_repr(tmp_path: Path) -> None:
    made = load(tmp_path, f"mqtt: {{username: u, password: hunter2}}\ncars: [{{vin: {VIN}}}]\n")
    assert made.mqtt.password == "hunter2"
    assert "hunter2" not in repr(made)
    assert VIN not in repr(made)


def test_what_the_bridge_may_do_to_a_car(tmp_path: Path) -> None:
    car_text = f"{{vin: {VIN}, details: No, location: on, wakes: 0, awake_minutes: 1440}}"
    made = load(tmp_path, f"cars: [{car_text}]\nbluetooth: {{heal: false}}\n")
    (car,) = made.cars
    assert (car.details, car.location, car.wakes, car.awake_minutes) == (False, True, 0, 1440)
    assert made.bluetooth == config.BluetoothSettings(heal=False)
    assert (load(tmp_path, CAR).cars[0].details, load(tmp_path, CAR).cars[0].location) == (True, False)


# The example and the documentation ------------------------------------------------------------------------------------


def test_the_example_says_what_holds_without_it() -> None:
    made = config.load(EXAMPLE, {})
    assert made == Settings(mqtt=MqttSettings(), cars=(CarSettings(vin=VIN, name="Anna"),))


def test_the_example_names_every_option_with_its_default() -> None:
    assert config_listing.example_faults(EXAMPLE.read_text()) == []


def test_what_is_switched_off_in_the_example_is_right_too(tmp_path: Path) -> None:
    # All of it, but for the second of each pair that excludes itself, and what needs files that are there.
    example = config_listing.switched_on(EXAMPLE.read_text())
    text = re.sub(r"(?m)^ +(password_file|hci|adapters|tls|ca_file|certificate_file|key_file):.*$", "", example)
    made = load(tmp_path, text)
    assert (made.mqtt.username, made.bluetooth.adapter, made.cars[0].hold_s) == ("driveway", "00:1A:7D:DA:71:13", 10)
    assert made.web is not None
    assert made.web.password == "another long one"


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("    # wakes: 20 ", "    # wakes: 21 ", "cars.wakes should be `20`"),
        ("    # hold: 10 ", "    # hold: long ", "cars.hold must be a number of seconds"),
        ("# base_topic: driveway\n", "", "base_topic is missing"),
        ("#   heal: yes ", "#   heal: no ", "bluetooth.heal should be `yes`"),
    ],
)
def test_a_stale_example_would_be_noticed(before: str, after: str, fault: str) -> None:
    text = EXAMPLE.read_text()
    assert before in text
    (found,) = config_listing.example_faults(text.replace(before, after))
    assert found.startswith(fault)


def test_the_documentation_is_up_to_date() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    assert config_listing.put_into(page) == page
    subprocess.run([sys.executable, ROOT / "scripts/configuration_table", "--check"], check=True, timeout=50)
    for option in config_options.OPTIONS:
        assert f"| `{option.key}` | {option.sentence} |" in page
    with pytest.raises(ValueError, match="marks"):
        config_listing.put_into("# Another page\n")


def test_the_examples_of_the_documentation_are_right(tmp_path: Path) -> None:
    for name in ("mqtt.password", "web.password"):
        (tmp_path / name).write_text("correct horse")
    examples = re.findall(r"(?s)```yaml\n(.*?)```", (ROOT / "docs/configuration.md").read_text())
    assert len(examples) >= 5
    for example in examples:
        load(tmp_path, example)


def test_every_option_ends_up_in_a_setting_and_every_setting_is_an_option() -> None:
    for section, cls in config_options.SECTIONS.items():
        names = {option.field_name for option in config_options.of(section).values()} - {""}
        parts = {"": {"mqtt", "cars", "bluetooth", "web"}, "bluetooth": {"proxies"}, "mqtt": {"tls"}}.get(
            section, set()
        )
        assert names == {field.name for field in dataclasses.fields(cls)} - parts
    assert all(option.sentence.endswith(".") for option in config_options.OPTIONS)


@pytest.mark.parametrize("option", config_options.OPTIONS, ids=lambda option: option.path)
def test_a_default_may_be_written_down(option: config_options.Option) -> None:
    if option.default is not None:
        tree = yaml_file.parse(f"key: {option.kind.show(option.default)}").tree
        assert isinstance(tree, dict)
        assert option.kind.read(tree["key"]) == option.default


# Plain topics ---------------------------------------------------------------------------------------------------------


def test_what_plain_topics_may_do(tmp_path: Path) -> None:
    assert load(tmp_path, CAR).plain_topics == ("locking", "closing", "charging", "climate", "media", "signals")
    assert load(tmp_path, f"plain_topics: []\n{CAR}").plain_topics == ()
    assert load(tmp_path, f"plain_topics: [locking, unlock, locking]\n{CAR}").plain_topics == ("locking", "unlock")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plain_topics: locking", "1:1 plain_topics: must be a list of groups and commands"),
        ("plain_topics:", "1:1 plain_topics: must be a list of groups and commands"),
        ("plain_topics: [locking, hunter2]", "1:25 plain_topics: is no group and no command; groups are everything, "),
        ("plain_topics: [[locking]]", "1:16 plain_topics: must be one text"),
        ("discovery_prefix: home/#", "1:1 discovery_prefix: may hold letters"),
        ("homeassistant_discovery: maybe", "1:1 homeassistant_discovery: must be `yes` or `no`"),
    ],
)
def test_what_cannot_be_said_of_plain_topics(tmp_path: Path, text: str, problem: str) -> None:
    [told] = problems(tmp_path, f"{text}\n{CAR}")
    assert told.startswith(problem)
    assert "hunter2" not in told


# Several radios -------------------------------------------------------------------------------------------------------


def test_several_adapters(tmp_path: Path) -> None:
    made = load(tmp_path, f"bluetooth: {{adapters: [hci0, '00:1a:7d:DA:71:13']}}\n{CAR}").bluetooth
    assert (made.adapter, made.adapters) == (None, ("hci0", "00:1a:7d:DA:71:13"))
    assert load(tmp_path, f"bluetooth: {{adapters: all}}\n{CAR}").bluetooth.adapters == "all"


def test_proxies(tmp_path: Path) -> None:
    (tmp_path / "carport.key").write_text(f"{PROXY_KEY}\n")
    text = "bluetooth:\n  proxies:\n    - host: 192.168.1.50\n      name: Carport\n      key_file: carport.key\n"
    text += f"    - {{host: hall.local, port: 16053, key: {PROXY_KEY}}}\n    - host: garden.local\n{CAR}"
    carport, hall, garden = load(tmp_path, text).bluetooth.proxies
    assert carport == ProxySettings(host="192.168.1.50", port=6053, name="Carport", key=PROXY_KEY)
    assert (hall.port, hall.key, hall.shown) == (16053, PROXY_KEY, "hall.local")
    assert garden.key is None
    assert PROXY_KEY not in repr(carport)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the file cannot be read (No such file or directory)"),
        ("", "the file is empty; write the key into it as one line, and nothing else"),
        ("c2hvcnQ=", "what the file holds must be the key under `api:`, `encryption:` of the proxy's ESPHome"),
    ],
)
def test_a_key_file_that_is_none(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "carport.key").write_text(content)
    (line,) = problems(tmp_path, f"bluetooth: {{proxies: [{{host: a, key_file: carport.key}}]}}\n{CAR}")
    assert line.startswith(f"1:33 bluetooth.proxies.key_file: {said}")


def test_a_key_that_everybody_may_read(tmp_path: Path) -> None:
    (remark,) = weak(tmp_path, f"bluetooth: {{proxies: [{{host: a, key: {PROXY_KEY}}}]}}", 0o644)
    assert remark.startswith("bluetooth.proxies[0].key: every user of this computer may read the configuration")
    assert "or use `key_file`" in remark


@pytest.mark.parametrize("missing", ["habluetooth", "bleak_esphome"])
def test_proxies_without_their_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    (line,) = problems(tmp_path, f"bluetooth: {{proxies: [{{host: a}}]}}\n{CAR}")
    assert line == ("1:13 bluetooth.proxies: what they need is not installed; `pip install driveway-bridge[proxies]`")
    assert load(tmp_path, f"bluetooth: {{adapters: all}}\n{CAR}").bluetooth.adapters == "all"


# The passwords --------------------------------------------------------------------------------------------------------


def test_no_page_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path, CAR, DRIVEWAY_WEB_PASSWORD="correct horse").web is None


def test_the_password_of_the_page(tmp_path: Path) -> None:
    """Pains 104."""
    (tmp_path / "web.password").write_text("from a file\n")
    (tmp_path / "short").write_text("from a file\n")

    def page(text: str, **environment: str) -> WebSettings | None:
        return load(tmp_path, f"{CAR}web: {text}\n", **environment).web

    assert page("{password: correct horse}") == WebSettings(host="127.0.0.1", port=8095, password="correct horse")
    assert page("{host: '::', port: 80, password_file: web.password}") == WebSettings(
        host="::", port=80, password="from a file"
    )
    assert page("", DRIVEWAY_WEB_PASSWORD="from outside") == WebSettings(password="from outside")
    assert page("{password: correct horse}", DRIVEWAY_WEB_PASSWORD="from outside") == WebSettings(
        password="from outside"
    )
    assert page("{}", CREDENTIALS_DIRECTORY=str(tmp_path)) == WebSettings(password="from a file")
    assert "correct horse" not in repr(page("{password: correct horse}"))


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        (
            "web:",
            {},
            "2:1 web: the page needs a password; add `password` or `password_file`, set DRIVEWAY_WEB_PASSWORD",
        ),
        ("web: {port: 80}", {"CREDENTIALS_DIRECTORY": "/nowhere"}, "2:1 web: the page needs a password"),
        ("web: {password: 'seven77'}", {}, "2:7 web.password: has fewer than 8 characters; choose a longer one"),
        ("web: {password_file: seven}", {}, "2:7 web.password_file: has fewer than 8 characters"),
        (
            "web:",
            {"DRIVEWAY_WEB_PASSWORD": "seven77"},
            "2:1 web: the password from the variable DRIVEWAY_WEB_PASSWORD has fewer than 8",
        ),
        (
            "web: {password_file: none}",
            {},
            "2:7 web.password_file: the file cannot be read (No such file or directory)",
        ),
        ("web: {password: x, password_file: y}", {}, "2:20 web.password_file: `password` is given too"),
        ("web: {host: garage.lan, password: correct horse}", {}, "2:7 web.host: must be an address of this computer"),
        ("web: {port: 0, password: correct horse}", {}, "2:7 web.port: must be a whole number from 1 to 65535"),
        ("web: {pasword: correct horse}", {}, "2:7 web.pasword: unknown key; is `password` meant?"),
    ],
)
def test_a_page_without_a_good_password_is_an_error(
    tmp_path: Path, text: str, environment: dict[str, str], said: str
) -> None:
    (tmp_path / "seven").write_text("seven77")
    (line,) = problems(tmp_path, f"{CAR}{text}\n", **environment)
    assert line.startswith(said), line
    assert "seven77" not in line


# What is weak ---------------------------------------------------------------------------------------------------------


def weak(tmp_path: Path, text: str, mode: int = 0o600) -> list[str]:
    file = tmp_path / "driveway.yaml"
    file.write_text(f"{CAR}{text}\n")
    file.chmod(mode)
    return config_remarks.remarks(config.understand(file, {}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mqtt: {host: broker.lan}", "mqtt: the broker is on another computer and asks for no password"),
        ("bluetooth: {adapter: hci1}", "bluetooth.adapter: `hci1` may be another adapter after a restart"),
        ("bluetooth: {adapters: [hci1, '00:1A:7D:DA:71:13']}", "bluetooth.adapters: `hci1` may be another adapter"),
        ("bluetooth: {proxies: [{host: proxy.lan, name: Carport}]}", "bluetooth.proxies: Carport has no `key`"),
        ("plain_topics: [locking, unlock]", "plain_topics: without any signature everybody whom the MQTT broker lets"),
        ("plain_topics: []\nhomeassistant_discovery: yes", "homeassistant_discovery: without `plain_topics` Home"),
        (
            "web: {host: 0.0.0.0, password: correct horse}",
            "web.host: the bridge's page can be opened from your network",
        ),
    ],
)
def test_what_is_allowed_but_weak_is_said(tmp_path: Path, text: str, said: str) -> None:
    (remark,) = weak(tmp_path, text)
    assert remark.startswith(said)
    assert "correct horse" not in remark


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mqtt: {host: localhost}",
        "mqtt: {host: '::1'}",
        "mqtt: {host: broker.lan, username: u, password: correct horse}",
        "bluetooth: {adapter: '00:1A:7D:DA:71:13'}",
        "bluetooth: {adapters: all}",
        f"bluetooth: {{proxies: [{{host: proxy.lan, key: {PROXY_KEY}}}]}}",
        "web: {host: 127.0.0.9, password: correct horse}",
    ],
)
def test_what_is_not_weak_is_not_said(tmp_path: Path, text: str) -> None:
    assert weak(tmp_path, text) == []


def test_a_password_that_everybody_may_read(tmp_path: Path) -> None:
    text = "mqtt: {username: u, password: correct horse}"
    assert weak(tmp_path, text, 0o640) == []
    (remark,) = weak(tmp_path, text, 0o644)
    assert remark.startswith("mqtt.password: every user of this computer may read the configuration")
    (tmp_path / "secret").write_text("correct horse")
    (tmp_path / "secret").chmod(0o604)
    (remark,) = weak(tmp_path, "web: {password_file: secret}", 0o644)
    assert remark.startswith("web.password_file: every user of this computer may read that file")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_password_file_beside_the_configuration(tmp_path: Path, ending: str) -> None:
    (tmp_path / "secret").write_bytes(b" 1234 " + ending.encode())
    made = load(tmp_path, f"mqtt: {{username: u, password_file: secret}}\ncars: [{{vin: {VIN}}}]\n")
    assert made.mqtt.password == " 1234 "


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    text = f"mqtt: {{username: u, password_file: not-there}}\ncars: [{{vin: {VIN}}}]\n"
    assert load(tmp_path, text, DRIVEWAY_MQTT_PASSWORD="from outside").mqtt.password == "from outside"


def test_a_credential_of_the_service_manager(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    text = f"mqtt: {{username: u}}\ncars: [{{vin: {VIN}}}]\n"
    assert load(tmp_path, text, CREDENTIALS_DIRECTORY=str(credentials)).mqtt.password is None
    (credentials / "mqtt.password").write_text("sealed\n")
    assert load(tmp_path, text, CREDENTIALS_DIRECTORY=str(credentials)).mqtt.password == "sealed"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the file cannot be read (No such file or directory); its path counts from the folder"),
        (b"", "the file is empty; write the password into it"),
        (b"\n", "the file is empty; write the password into it"),
        (b"one\ntwo\n", "the file holds more than one line"),
        (b"\xff\xfe", "the file is not a text in UTF-8"),
        (b"x" * 5000, "the file holds more than one line"),
    ],
)
def test_a_password_file_that_is_none(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "hunter2").write_bytes(content)
    text = f"mqtt:\n  username: u\n  password_file: hunter2\ncars: [{{vin: {VIN}}}]\n"
    (line,) = problems(tmp_path, text)
    assert line.startswith(f"3:3 mqtt.password_file: {said}")
    assert "hunter2" not in line


# What is wrong --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Keys.
        (f"mqtt:\n  hots: x\n{CAR}", ["2:3 mqtt.hots: unknown key; is `host` meant?"]),
        (f"{CAR}weather: x\n", ["2:1 weather: unknown key; known are mqtt, cars, base_topic, name, "]),
        (f"cars:\n  - vin: {VIN}\n    Name: A\n", ["3:5 cars.Name: unknown key; is `name` meant?"]),
        (f"name: A\nname: B\n{CAR}", ["2:1: the key stands in line 1 already; keep one of them"]),
        ("name: A\n", ["1:1 cars: is missing; add it"]),
        ("name: A\ncars:\n  - name: A\n", ["3:5 cars.vin: is missing; add it"]),
        ("cars:\n", ["1:1 cars: must be a list with one car at least; begin each with `- vin:`"]),
        ("cars: []\n", ["1:1 cars: must be a list with one car at least; begin each with `- vin:`"]),
        (f"cars:\n  vin: {VIN}\n", ["1:1 cars: must be a list with one car at least; begin each with `- vin:`"]),
        (f"cars:\n  - {VIN}\n", ["2:5 cars: must hold keys in lines of their own, indented (vin, name, link,"]),
        (f"mqtt: 127.0.0.1\n{CAR}", ["1:1 mqtt: must hold keys in lines of their own, indented (host,"]),
        # Values.
        ("cars: [{vin: 5YJ3}]\n", ["1:9 cars.vin: a VIN has 17 letters and digits, this has 4"]),
        ("cars: [{vin: 5YJ3O123456789ABC}]\n", ["1:9 cars.vin: the letters I, O and Q never occur in a VIN"]),
        ("cars: [{vin: 5YJ3-123456789ABC}]\n", ["1:9 cars.vin: a VIN has 17 letters and digits and nothing else"]),
        ("cars:\n- vin:\n", ["2:3 cars.vin: has no value; give one or remove the key"]),
        (f"cars:\n- vin: {VIN}\n- vin: {VIN}\n  name: B\n", ["3:3 cars.vin: the car in line 2 has the same VIN"]),
        (f"cars:\n- vin: {VIN}\n- vin: 5YJ30123456789ABD\n", ["3:3 cars.name: the car in line 2 has the same name"]),
        (f"mqtt: {{port: 65536}}\n{CAR}", ["1:8 mqtt.port: must be a whole number from 1 to 65535"]),
        (f"mqtt: {{port: 0}}\n{CAR}", ["1:8 mqtt.port: must be a whole number from 1 to 65535"]),
        (f"mqtt: {{port: mqtt}}\n{CAR}", ["1:8 mqtt.port: must be a whole number from 1 to 65535"]),
        (f"mqtt: {{host: 'mqtt://broker'}}\n{CAR}", ["1:8 mqtt.host: must be a name or an address, without"]),
        (f"mqtt: {{host: [broker]}}\n{CAR}", ["1:8 mqtt.host: must be one text; remove brackets"]),
        (f"cars: [{{vin: {VIN}, link: wifi}}]\n", ["1:33 cars.link: must be `bluetooth` or `tcp://HOST:PORT`"]),
        (f"cars: [{{vin: {VIN}, link: 'tcp://h'}}]\n", ["1:33 cars.link: must be `bluetooth` or `tcp://HOST:PORT`"]),
        (f"cars: [{{vin: {VIN}, link: 'tcp://h:0'}}]\n", ["1:33 cars.link: must be `bluetooth` or"]),
        (
            f"cars: [{{vin: {VIN}, hold: long}}]\n",
            ["1:33 cars.hold: must be a number of seconds from 0 to 3600, or `k"],
        ),
        (f"cars: [{{vin: {VIN}, status_every: 0}}]\n", ["1:33 cars.status_every: must be a number of seconds from 1"]),
        (f"base_topic: 'a/#'\n{CAR}", ["1:1 base_topic: may hold letters, digits, `_` and `-`, joined by `/`"]),
        (f"base_topic: /a\n{CAR}", ["1:1 base_topic: may hold letters, digits, `_` and `-`, joined by `/`"]),
        (f"name: {'x' * 65}\n{CAR}", ["1:1 name: is longer than 64 characters; shorten it"]),
        (f'name: "a\\nb"\n{CAR}', ["1:1 name: holds a line break or a control character"]),
        (f"bluetooth: {{adapter: 0}}\n{CAR}", ["1:13 bluetooth.adapter: must be as `hci0`"]),
        (f"bluetooth: {{adapter: hci0, hci: 'usb:0'}}\n{CAR}", ["1:28 bluetooth.hci: `adapter` is given too"]),
        (f"bluetooth: {{adapter: hci0, adapters: all}}\n{CAR}", ["1:28 bluetooth.adapters: `adapter` is given too"]),
        (f"bluetooth: {{adapters: [hci0, wlan0]}}\n{CAR}", ["1:30 bluetooth.adapters: must be as `hci0`, or the"]),
        (f"bluetooth: {{adapters: [hci0, hci0]}}\n{CAR}", ["1:13 bluetooth.adapters: names one twice; keep it once"]),
        (f"bluetooth: {{adapters: some}}\n{CAR}", ["1:13 bluetooth.adapters: must be a list of adapters"]),
        (f"bluetooth: {{adapters: []}}\n{CAR}", ["1:13 bluetooth.adapters: must be a list of adapters"]),
        (f"bluetooth: {{adapters: none}}\n{CAR}", ["1:13 bluetooth.adapters: there are no `proxies` either"]),
        (f"bluetooth: {{proxies: []}}\n{CAR}", ["1:13 bluetooth.proxies: must be a list with one proxy at least"]),
        (f"bluetooth: {{proxies: [{{name: A}}]}}\n{CAR}", ["1:23 bluetooth.proxies.host: is missing; add it"]),
        (f"bluetooth: {{proxies: [{{host: a:b/}}]}}\n{CAR}", ["1:24 bluetooth.proxies.host: must be a name or an"]),
        (
            f"bluetooth: {{proxies: [{{host: a}}, {{host: A, port: 6053}}]}}\n{CAR}",
            ["1:34 bluetooth.proxies: the proxy in line 1 is the same one; keep one of them"],
        ),
        (
            f"bluetooth: {{proxies: [{{host: a, key: abc}}]}}\n{CAR}",
            ["1:33 bluetooth.proxies.key: must be the key under `api:`, `encryption:` of the proxy's ESPHome"],
        ),
        (
            f"bluetooth: {{proxies: [{{host: a, key: {PROXY_KEY}, key_file: k}}]}}\n{CAR}",
            ["1:84 bluetooth.proxies.key_file: `key` is given too; keep one of them"],
        ),
        # Passwords.
        (f"mqtt: {{username: u, password: 1234}}\n{CAR}", ["1:21 mqtt.password: consists of digits; put it in quotes"]),
        (f"mqtt: {{password: x}}\n{CAR}", ["1:1 mqtt: there is a password but no `username`; add it"]),
        (
            f"mqtt: {{username: u, password: x, password_file: y}}\n{CAR}",
            ["1:34 mqtt.password_file: `password` is given too; keep one of them"],
        ),
        (
            f"mqtt: {{tls: yes}}\n{CAR}",
            ["1:8 mqtt.tls: whose word counts is not said; add `ca_file` with a file or `system`"],
        ),
        (
            f"mqtt: {{ca_file: ca.crt}}\n{CAR}",
            ["1:8 mqtt.ca_file: it is for encryption, which is off; add `tls: yes`"],
        ),
        (
            f"mqtt: {{tls: yes, ca_file: system, key_file: k}}\n{CAR}",
            ["1:35 mqtt.key_file: it needs its `certificate_file`; add it"],
        ),
        (
            f"mqtt: {{tls: yes, ca_file: none.crt}}\n{CAR}",
            ["1:18 mqtt.ca_file: the file cannot be read (No such file or directory)"],
        ),
        # Not what YAML is.
        ("", [" the file is empty; see driveway.example.yaml"]),
        ("# nothing\n", [" the file is empty; see driveway.example.yaml"]),
        ("---\n", ["1:1 cars: is missing; add it"]),
        ("just words\n", ["1:1: must hold keys in lines of their own, indented (mqtt, cars,"]),
        ("- a\n", ["1:1: must hold keys in lines of their own, indented (mqtt, cars,"]),
        ("cars:\n\t- vin: x\n", ["2:1: a tab stands here; indent with spaces"]),
        ("cars:\n  - vin: x\n  \tname: y\n", ["3:3: a tab stands here; indent with spaces"]),
        ("name: 'a\ncars: 1\n", ["1:7: a quotation mark that is opened here is not closed; close it"]),
        ("mqtt: {host: x\ncars: 1\n", ["1:7: a bracket or brace that is opened here is not closed"]),
        ("name: a: b\n", ["1:8: a colon stands here that does not belong; put texts with a colon in quotes"]),
        ("name: @a\n", ["1:7: a value must not begin with this character; put it in quotes"]),
        ("cars:\n  - a\n name: b\n", ["3:2: the indentation does not fit the lines above"]),
        (f"{CAR}---\n{CAR}", ["2:1: a second document begins here; remove the line `---`"]),
        ("? [a]\n: b\n", ["1:3: a key has to be one word"]),
        ("name: \x07\n", ["1:7: a control character stands here; remove it"]),
        ("%YAML 2.0\n---\nname: a\n", ["1:1: only YAML 1 is understood"]),
        # What YAML can, and a configuration must not.
        (f"name: &x A\n{CAR}", ["1:7: anchors and aliases (`&`, `*`) are not supported"]),
        (f"name: *x\n{CAR}", ["1:7: anchors and aliases (`&`, `*`) are not supported"]),
        (f"name: !!python/name:os.system x\n{CAR}", ["1:7: tags (`!`) are not supported"]),
        # Not even text.
        (b"name: \xff\n", ["1:7: this is not a text in UTF-8; save it again as UTF-8"]),
        (b"\x7fELF\x02\x01\x01\x00\x80", ["1:9: this is not a text in UTF-8; save it again as UTF-8"]),
        ("name: a\n".encode("utf-16"), ["1:1: this is not a text in UTF-8; save it again as UTF-8"]),
    ],
)
def test_what_is_wrong_is_said_by_place(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    lines = problems(tmp_path, text)
    assert len(lines) == len(said), lines
    for line, beginning in zip(lines, said, strict=True):
        assert line.startswith(beginning), line


def test_all_problems_are_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    lines = problems(
        tmp_path,
        "mqtt:\n  port: 99999\n  usernam: x\nname: A\nname: B\nfoo: 1\ncars:\n  - vin: 1\n    link: x\n  - name: A\n",
    )
    assert [line.split(" ")[0] for line in lines] == ["2:3", "3:3", "5:1:", "6:1", "8:5", "9:5", "10:5"]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + f"name: A\r\ncars:\r\n  - vin: {VIN}\r\n".encode())
    assert config.load(file, {}).name == "A"


@pytest.mark.parametrize(
    "text",
    [
        "mqtt: {username: u, password: hunter2:x, port: y}\n",
        "mqtt: {username: u, password: a,hunter2}\n",
        "mqtt: {username: u, password:hunter2}\n",
        "mqtt: {username: u, password: 'hunter2}\n",
        "mqtt: {username: u, password: @hunter2}\n",
        "mqtt: {username: u, password: *hunter2}\n",
        "mqtt: {username: u, password: &hunter2 x}\n",
        "mqtt: {username: u, password: !hunter2 x}\n",
        "mqtt: {username: u, password: [hunter2]}\n",
        "mqtt:\n  password: a\n  hunter2\n",
        "mqtt:\n  password: a: hunter2\n",
        "mqtt:\n  password: hunter2\n  password: hunter2\n",
        "mqtt:\n  password: |hunter2\n",
        'mqtt:\n  password: "\\hunter2"\n',
        "mqtt: hunter2\n",
        "hunter2\n",
        "- hunter2\n",
        "cars: [{vin: hunter2}]\n",
        "cars: hunter2\n",
        "bluetooth: {hci: hunter2}\n",
        "base_topic: '#hunter2'\n",
    ],
)
def test_no_message_repeats_a_value(tmp_path: Path, text: str) -> None:
    assert not [line for line in problems(tmp_path, text) if "hunter2" in line]


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(path: Path) -> str:
        with pytest.raises(ConfigurationError) as caught:
            config.load(path, {})
        return str(caught.value).removeprefix(f"{path}: ")

    assert said(tmp_path / "none.yaml") == "there is no such file; check the path"
    assert said(tmp_path) == "this is a folder; give the file in it"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert said(tmp_path / "loop").startswith("the file cannot be read (Too many levels of symbolic links)")

    def denied(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "driveway.yaml"
    file.write_text(CAR)
    if os.geteuid() == 0:  # nothing is closed to root
        monkeypatch.setattr(Path, "open", denied)
    else:
        file.chmod(0)
    assert said(file) == "the file may not be read; give this user the right to read it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x" * (yaml_file.MAX_BYTES + 1), "the file is longer than 1 MB"),
        ("[" * 100_000, "values are nested too deeply here"),
        ("- " * 100_000, "values are nested too deeply here"),
        ("cars:\n" + "- x\n" * 100_000, "the file holds too many values"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "anchors and aliases"),
        ("a: &a [*a]\n", "anchors and aliases"),
    ],
)
@pytest.mark.timeout(20)
def test_bombs_do_not_go_off(tmp_path: Path, text: str, said: str) -> None:
    assert said in "\n".join(problems(tmp_path, text))


_SIGNS = "\n\t {}[]:,-?&*!|>'\"%@`#~"
_WORDS = (
    "\n  ",
    ": ",
    "- ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "<<",
    "\\x",
    "\ufeff",
    "\x85",
    "null",
    "!!str ",
    "é",
    "𝄞",
)
_PIECES = st.sampled_from([*_SIGNS, *_WORDS, "cars", "vin", VIN, "mqtt", "password", "port", "1883"])


@given(st.lists(_PIECES, max_size=30).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_settings_or_problems(text: str) -> None:
    document = yaml_file.parse(text)
    assert document.tree is not None or document.faults


def test_any_text_gives_places_within_the_text() -> None:
    @given(st.lists(_PIECES, max_size=30).map("".join))
    @settings(max_examples=300, deadline=None)
    def holds(text: str) -> None:
        lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
        for fault in yaml_file.parse(text).faults:
            if fault.place:
                assert 1 <= fault.place.line <= len(lines) + 1
                assert fault.place.column >= 1

    holds()


def test_the_schema_never_lets_the_library_speak() -> None:
    """Messages of voluptuous itself may quote a value; every error of ours is one of three kinds."""
    from voluptuous import MultipleInvalid, RequiredFieldInvalid

    tree: yaml_file.Tree = {"mqtt": {"port": [], "x": yaml_file.Scalar("1")}, "cars": [{}, [], yaml_file.Scalar("")]}
    with pytest.raises(MultipleInvalid) as caught:
        config_schema.FILE(tree)
    kinds = (config_schema.Wrong, config_schema.UnknownKey, RequiredFieldInvalid)
    assert len(caught.value.errors) == 5
    assert all(isinstance(error, kinds) for error in caught.value.errors)
