"""A dashboard for one car, made of Home Assistant's own cards and of the entities that the car has.

It is a document to paste into a dashboard's "raw configuration editor", or to save by `lovelace/config/save`. What an
owner changes then is theirs: nothing keeps it up to date. Sections stand below each other on a phone and beside each
other on a tablet; what is in the way stands above the lock, and only while it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import slugify

from .const import DOMAIN
from .coordinator import DrivewayConfigEntry
from .devices import cars_of
from .entity import unique_id

type Card = dict[str, Any]
type Thing = tuple[Platform, str]
"""Platform and key of an entity of the car."""

_COLUMNS: Final = 4
_FULL: Final = {"grid_options": {"columns": "full"}}
_LOCK: Final[Thing] = (Platform.LOCK, "lock")
_REACHABLE: Final[Thing] = (Platform.BINARY_SENSOR, "reachable")
_OBSTACLE: Final[Thing] = (Platform.SENSOR, "obstacle")
_DOORS: Final = ("front_driver_door", "front_passenger_door", "rear_driver_door", "rear_passenger_door")
_LIDS: Final = ("trunk", "frunk", "charge_port", "windows", "sunroof", "tonneau")
_LIDS_SHOWN: Final = ("front_trunk", "rear_trunk", "charge_port", "tonneau")
"""The binary sensors that stand for lids which no key of the bridges may move."""
_SEATS: Final = ("front_left", "front_right", "rear_left", "rear_center", "rear_right")


async def async_dashboard_for(hass: HomeAssistant, entry: DrivewayConfigEntry, car: str) -> dict[str, Any]:
    """Give the configuration of a dashboard for a car, by its id: what JSON and YAML can hold.

    It has the entities that are there and enabled, and Home Assistant's language. KeyError for a car that the entry
    does not have.
    """
    title = cars_of(entry)[car].title
    # Not only those that are cached: a new language, and an update before the restart, come without.
    texts = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
    return {"title": title, "views": [_Cards(hass, entry, car, texts).view(title)]}


class _Cards:
    """The cards of one car; what it does not have is left out, and so is a section without cards."""

    def __init__(self, hass: HomeAssistant, entry: DrivewayConfigEntry, car: str, texts: Mapping[str, str]) -> None:
        self._car = car
        self._entry = entry
        self._registry = er.async_get(hass)
        self._device = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, car), entry.entry_id)
        self._texts = texts

    def view(self, title: str) -> dict[str, Any]:
        """The one view, with whatever there is to show."""
        name = self._device.name_by_user if self._device and self._device.name_by_user else title
        sections = (
            self._lock(name),
            self._lids(),
            self._climate(),
            self._charging(),
            self._seats(),
            self._proof(),
        )
        return {
            "type": "sections",
            "title": name,
            "path": slugify(name),
            "icon": "mdi:car",
            "max_columns": _COLUMNS,
            "dense_section_placement": True,
            "badges": self._badges(),
            "sections": [section for section in sections if section],
        }

    # Sections --------------------------------------------------------------------------------------------------------

    def _lock(self, name: str) -> Card | None:
        lock = self._tile(_LOCK, features=["lock-commands"], **_FULL)
        if lock:
            lock |= {"name": name, "state_content": ["state", "heard_at"]}
        signals = [*self._switches("sentry"), *self._buttons("lights", "horn", "wake", "homelink")]
        return _section(name, "mdi:car", [*self._banners(), lock, *self._open_doors(), *signals])

    def _lids(self) -> Card | None:
        covers = [self._tile((Platform.COVER, key), features=["cover-open-close"]) for key in _LIDS]
        shown = [self._tile((Platform.BINARY_SENSOR, key)) for key in _LIDS_SHOWN]
        return _section(self._text("lids"), "mdi:car-back", [*covers, *shown])

    def _climate(self) -> Card | None:
        return _section(
            self._text("climate"),
            "mdi:thermometer",
            [
                self._tile(
                    (Platform.CLIMATE, "climate"), features=["climate-hvac-modes", "target-temperature"], **_FULL
                ),
                self._tile((Platform.SENSOR, "inside_temperature")),
                self._tile((Platform.SENSOR, "outside_temperature")),
                *self._switches("defrost", "wheel_heat"),
                self._tile((Platform.SELECT, "climate_keeper"), features=["select-options"]),
            ],
        )

    def _seats(self) -> Card | None:
        seats = [(Platform.SELECT, f"seat_heat_{seat}") for seat in _SEATS]
        tiles = [self._tile(seat, features=["select-options"]) for seat in seats]
        return _section(self._text("seats"), "mdi:car-seat-heater", tiles)

    def _charging(self) -> Card | None:
        numbers = [(Platform.NUMBER, "charge_limit"), (Platform.NUMBER, "charge_amps")]
        slider = {"type": "numeric-input", "style": "slider"}
        return _section(
            self._text("charging"),
            "mdi:ev-station",
            [
                self._tile((Platform.SENSOR, "battery"), features=["bar-gauge"], **_FULL),
                *self._switches("charging"),
                self._tile((Platform.SENSOR, "charging_state")),
                *(self._tile(thing, features=[slider], **_FULL) for thing in numbers),
                *(self._tile((Platform.SENSOR, key)) for key in ("charging_power", "energy_added")),
                self._tile((Platform.SENSOR, "charging_finished")),
            ],
        )

    def _proof(self) -> Card | None:
        """Whether it works, and how that is known."""
        keys = ("drill_result", "drill_at", "last_command", "last_contact", "signal", "route")
        sensors = [self._tile(thing) for thing in (_REACHABLE, _OBSTACLE, *((Platform.SENSOR, key) for key in keys))]
        cards = [*sensors, self._cloud_tile(), *self._buttons("drill")]
        return _section(self._text("proof"), "mdi:bluetooth-connect", cards)

    # What is in the way, and what is open ----------------------------------------------------------------------------

    def _banners(self) -> Iterable[Card | None]:
        """Cards above the lock, each there only while it is true."""
        lock, reachable, obstacle = self._id(_LOCK), self._id(_REACHABLE), self._id(_OBSTACLE)
        if lock:
            yield self._banner("no_bridge", lock, "unavailable")
        if reachable and obstacle:
            tile: Card = {"type": "tile", "entity": obstacle, "name": self._text("not_reached"), "color": "red"}
            yield {**tile, **_FULL, "visibility": [_is(reachable, "off")]}
        if cloud := self._cloud():
            yield self._banner("cloud_failing", cloud, "failing")
            yield self._banner("cloud_no_internet", cloud, "no_internet")

    def _banner(self, text: str, entity: str, state: str) -> Card:
        return {"type": "markdown", "content": self._text(text), **_FULL, "visibility": [_is(entity, state)]}

    def _open_doors(self) -> Iterable[Card]:
        """The doors, each only while it is open; of the lids there are tiles anyway."""
        for key in _DOORS:
            if tile := self._tile((Platform.BINARY_SENSOR, key)):
                yield {**tile, "color": "orange", "visibility": [_is(tile["entity"], "on")]}

    def _badges(self) -> list[Card]:
        shown = ("battery", "range", "inside_temperature")
        badges: list[Card] = [
            {"type": "entity", "entity": found} for key in shown if (found := self._id((Platform.SENSOR, key)))
        ]
        for key, state in (("user_present", "on"), ("asleep", "on")):
            if found := self._id((Platform.BINARY_SENSOR, key)):
                badge: Card = {"type": "entity", "entity": found, "name": {"type": "entity"}, "show_name": True}
                badges.append({**badge, "show_state": False, "visibility": [_is(found, state)]})
        return badges

    # Cards -----------------------------------------------------------------------------------------------------------

    def _tile(self, thing: Thing, *, features: Iterable[str | Card] = (), **more: Any) -> Card | None:
        """Give a tile with the entity's own name, without the car's before it; None where the car has none."""
        if not (entity := self._id(thing)):
            return None
        tile: Card = {"type": "tile", "entity": entity, "name": {"type": "entity"}, **more}
        if shown := [{"type": feature} if isinstance(feature, str) else dict(feature) for feature in features]:
            tile |= {"features": shown, "features_position": "bottom"}
        return tile

    def _switches(self, *keys: str) -> Iterable[Card]:
        for key in keys:
            if tile := self._tile((Platform.SWITCH, key)):
                yield {**tile, "tap_action": {"action": "toggle"}}

    def _buttons(self, *keys: str) -> Iterable[Card]:
        for key in keys:
            if tile := self._tile((Platform.BUTTON, key)):
                yield {**tile, "hide_state": True, "tap_action": {"action": "toggle"}}

    def _cloud(self) -> str | None:
        """The sensor of the maker's cloud, which belongs to the household, where the owner watches it."""
        return self._enabled(Platform.SENSOR, unique_id(self._entry.entry_id, "cloud"))

    def _cloud_tile(self) -> Card | None:
        cloud = self._cloud()
        return {"type": "tile", "entity": cloud} if cloud else None

    def _id(self, thing: Thing) -> str | None:
        platform, key = thing
        return self._enabled(platform, unique_id(self._car, key))

    def _enabled(self, platform: Platform, unique: str) -> str | None:
        """Give an entity's id as the owner has it now; None where there is none, or they do not want to see it."""
        entity_id = self._registry.async_get_entity_id(platform, DOMAIN, unique)
        known = self._registry.async_get(entity_id) if entity_id else None
        return None if known is None or known.disabled_by or known.hidden_by else entity_id

    def _text(self, key: str) -> str:
        return self._texts[f"component.{DOMAIN}.common.dashboard_{key}"]


def _section(heading: str, icon: str, cards: Iterable[Card | None]) -> Card | None:
    """Give a section with its heading; None without cards."""
    shown = [card for card in cards if card]
    title = {"type": "heading", "heading": heading, "icon": icon}
    return {"type": "grid", "cards": [title, *shown]} if shown else None


def _is(entity: str, state: str) -> Card:
    """Give the condition that an entity has a state."""
    return {"condition": "state", "entity": entity, "state": state}
