"""What Prometheus reads: the cars and the health document as numbers. The only importer of prometheus_client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from driveway_bridge.known import BODY

if TYPE_CHECKING:
    from driveway_bridge.car import Car
    from driveway_bridge.web.view import View

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_LOCKED: Final = ("locked", "internal_locked")
_BRIDGE: Final = (
    ("driveway_uptime_seconds", "Time since the bridge's start", ("uptime_s",), 1.0),
    ("driveway_radio_heard_seconds", "Time since any Bluetooth device was heard", ("radio", "heard_at_s_ago"), 1.0),
    ("driveway_radio_heard_per_minute", "Advertisements heard in a minute", ("radio", "heard_per_minute"), 1.0),
    ("driveway_broker_ear_ok", "Whether commands arrive through the broker", ("mqtt", "ear", "ok"), 1.0),
    ("driveway_broker_ear_heard_seconds", "Time since our own probe came back", ("mqtt", "ear", "heard_s_ago"), 1.0),
    (
        "driveway_home_assistant_heard_seconds",
        "Time since Home Assistant was heard",
        ("mqtt", "home_assistant_s_ago"),
        1,
    ),
    ("driveway_memory_bytes", "Resident memory of the bridge", ("process", "memory_mb"), 1e6),
    ("driveway_threads", "Threads of the bridge", ("process", "threads"), 1.0),
    ("driveway_open_files", "Open files of the bridge", ("process", "files"), 1.0),
    ("driveway_tasks", "Tasks of the bridge", ("process", "tasks"), 1.0),
)
"""Name, help, path in the health document, factor."""
_CAR: Final = (
    ("driveway_car_queue", "Commands that wait", ("queue",)),
    ("driveway_car_wakes_today", "Times that the bridge woke the car today", ("budget", "wakes_today")),
    ("driveway_car_awake_minutes_today", "Minutes that the bridge kept it awake", ("budget", "awake_minutes_today")),
)
_COUNTED: Final = (
    ("driveway_car_commands", "Commands by what became of them", "commands", "outcome"),
    ("driveway_car_failures", "Commands that failed, by reason", "failures", "reason"),
)
_CAR_LABELS: Final = ("car", "name")


def exposition(view: View, now: float) -> bytes:
    """Everything of now, in the text format of Prometheus; `now` on the clock of this boot."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Bridge(view, now))
    return generate_latest(registry)


class _Bridge(Collector):
    def __init__(self, view: View, now: float) -> None:
        self._view = view
        self._now = now

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        health = self._view.health()
        info = GaugeMetricFamily("driveway_info", "The bridge's version", labels=("version",))
        info.add_metric((str(health.get("version", "")),), 1)
        yield info
        for name, about, path, factor in _BRIDGE:
            number = _number(health, path)
            if number is not None:
                yield GaugeMetricFamily(name, about, value=number * factor)
        radio = _at(health, ("radio", "state"))
        if isinstance(radio, str):
            yield GaugeMetricFamily("driveway_radio_ok", "Whether Bluetooth works", value=float(radio == "ok"))
        cars = self._view.cars()
        yield from _of_links(cars, self._now)
        yield from _of_health(cars, health)
        yield _latency(cars, health)


def _of_links(cars: Any, now: float) -> Iterator[Metric]:
    families: dict[str, GaugeMetricFamily] = {}

    def add(car: Car, name: str, about: str, value: float | None) -> None:
        family = families.setdefault(name, GaugeMetricFamily(name, about, labels=_CAR_LABELS))
        if value is not None:
            family.add_metric((car.id, car.name), value)

    for car in cars:
        lock, link = car.knowledge.get(BODY, "lock"), car.link
        add(car, "driveway_car_locked", "What the car said of its lock", _flag(lock.value, lock.value in _LOCKED))
        add(car, "driveway_car_lock_age_seconds", "Time since it said so", None if lock.at is None else now - lock.at)
        asleep = car.knowledge.get(BODY, "asleep").value
        add(car, "driveway_car_asleep", "Whether the car sleeps", _flag(asleep, bool(asleep)))
        add(
            car,
            "driveway_car_reachable",
            "Whether the last attempt went well",
            _flag(link.reachable, bool(link.reachable)),
        )
        add(car, "driveway_car_in_range", "Whether the car is heard", _flag(link.in_range, bool(link.in_range)))
        add(car, "driveway_car_linked", "Whether a connection is open", float(link.linked))
        add(car, "driveway_car_signal_dbm", "How strong the car was heard last", link.signal_dbm)
        since = None if link.contact_at is None else now - link.contact_at
        add(car, "driveway_car_contact_seconds", "Time since the car's last answer", since)
    yield from families.values()


def _of_health(cars: Any, health: Mapping[str, Any]) -> Iterator[Metric]:
    for name, about, path in _CAR:
        gauge = GaugeMetricFamily(name, about, labels=_CAR_LABELS)
        for car in cars:
            number = _number(health, ("cars", car.id, *path))
            if number is not None:
                gauge.add_metric((car.id, car.name), number)
        yield gauge
    for name, about, field, label in _COUNTED:
        counter = CounterMetricFamily(name, about, labels=(*_CAR_LABELS, label))
        for car in cars:
            for key, number in _mapping(health, ("cars", car.id, field)).items():
                if isinstance(number, (int, float)):
                    counter.add_metric((car.id, car.name, str(key)), number)
        yield counter


def _latency(cars: Any, health: Mapping[str, Any]) -> Metric:
    latency = GaugeMetricFamily(
        "driveway_car_latency_seconds", "Duration of commands", labels=(*_CAR_LABELS, "phase", "quantile")
    )
    for car in cars:
        for phase, quantiles in _mapping(health, ("cars", car.id, "latency_ms")).items():
            for quantile in ("p50", "p95", "p99"):
                number = _number(quantiles, (quantile,))
                if number is not None:
                    latency.add_metric((car.id, car.name, str(phase), f"0.{quantile[1:]}"), number / 1000)
    return latency


def _flag(known: object, value: bool) -> float | None:  # noqa: FBT001 - the value of a metric
    return None if known is None else float(value)


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _mapping(document: Any, path: tuple[str, ...]) -> Mapping[str, Any]:
    found = _at(document, path)
    return found if isinstance(found, Mapping) else {}


def _number(document: Any, path: tuple[str, ...]) -> float | None:
    found = _at(document, path)
    return float(found) if isinstance(found, (int, float)) else None
