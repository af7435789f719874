"""What opens and closes: trunk, frunk, charge port, windows, sunroof, bed cover. Shown as the car reports it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.cover import CoverEntity, CoverEntityDescription
from homeassistant.components.cover.const import CoverDeviceClass, CoverEntityFeature, CoverState
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import Coordinator, DrivewayConfigEntry
from .entity import COMFORT_TTL_S, OPENS_TTL_S, CarControl, CarDescription, async_add_to_cars
from .state import BODY, WINDOWS, CarView
from .waking import async_open

PARALLEL_UPDATES = 0

SHOWN_WITHIN_S: Final = 3.0
"""How long a confirmed command waits for the report of what it did: what is not told by the car has to be read."""

CLOSED: Final = "closed"
_SHUT: Final = (CLOSED, "failed_unlatch")
"""In these the latch holds the lid."""


@dataclass(frozen=True, kw_only=True)
class CarCoverDescription(CarDescription, CoverEntityDescription):
    """Something that opens, the command for each thing that it does, and how it stands."""

    state_fn: Callable[[CarView], str | None]
    """Gives a word of the car's for lids, of which only `closed` means closed; None is unknown."""
    open: str
    close: str | None = None
    stop: str | None = None
    tilt: str | None = None
    toggles: bool = False
    """To open it once more may close it."""
    wakes: bool = False
    """It does nothing while the car sleeps."""

    @property
    def features(self) -> CoverEntityFeature:
        """What it can do."""
        can = CoverEntityFeature.OPEN
        if self.close:
            can |= CoverEntityFeature.CLOSE
        if self.stop:
            can |= CoverEntityFeature.STOP
        if self.tilt:
            can |= CoverEntityFeature.OPEN_TILT
        return can


def _windows(view: CarView) -> str | None:
    """Open when any of them is; closed when all are: a car that does not tell of one may have it open."""
    told = [view.flag("closures", f"{window}_window_open") for window in WINDOWS]
    if any(told):
        return "open"
    return None if None in told else CLOSED


def _sunroof(view: CarView) -> str | None:
    told = view.text("closures", "sun_roof")
    return None if told == "calibrating" else told


def _lid(name: str) -> Callable[[CarView], str | None]:
    return lambda view: view.text(BODY, name)


DESCRIPTIONS = (
    CarCoverDescription(
        key="trunk",
        translation_key="trunk",
        device_class=CoverDeviceClass.DOOR,
        commands=("trunk_open", "trunk_close"),
        state_fn=_lid("rear_trunk"),
        open="trunk_open",
        close="trunk_close",
        toggles=True,
    ),
    CarCoverDescription(
        key="frunk",
        translation_key="frunk",
        device_class=CoverDeviceClass.DOOR,
        commands=("frunk_open",),
        state_fn=_lid("front_trunk"),
        open="frunk_open",
        toggles=True,
    ),
    CarCoverDescription(
        key="charge_port",
        translation_key="charge_port",
        device_class=CoverDeviceClass.DOOR,
        commands=("charge_port_open", "charge_port_close"),
        state_fn=_lid("charge_port"),
        open="charge_port_open",
        close="charge_port_close",
        wakes=True,
    ),
    CarCoverDescription(
        key="windows",
        translation_key="windows",
        device_class=CoverDeviceClass.WINDOW,
        subjects=("closures",),
        commands=("windows_vent", "windows_close"),
        state_fn=_windows,
        open="windows_vent",
        close="windows_close",
        wakes=True,
    ),
    CarCoverDescription(
        key="sunroof",
        translation_key="sunroof",
        device_class=CoverDeviceClass.WINDOW,
        subjects=("closures",),
        told=("closures", "sun_roof"),
        commands=("sunroof_open", "sunroof_close", "sunroof_vent"),
        state_fn=_sunroof,
        open="sunroof_open",
        close="sunroof_close",
        tilt="sunroof_vent",
        wakes=True,
    ),
    CarCoverDescription(
        key="tonneau",
        translation_key="tonneau",
        device_class=CoverDeviceClass.SHUTTER,
        told=("closures", "tonneau"),  # the body calls what it does not have closed
        commands=("tonneau_open", "tonneau_close", "tonneau_stop"),
        state_fn=_lid("tonneau"),
        open="tonneau_open",
        close="tonneau_close",
        stop="tonneau_stop",
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: DrivewayConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the covers of every car."""
    async_add_to_cars(entry, async_add_entities, CarCover, DESCRIPTIONS)


class CarCover(CarControl, CoverEntity):
    """Something of a car that opens."""

    entity_description: CarCoverDescription

    def __init__(self, coordinator: Coordinator, subentry: ConfigSubentry, description: CarCoverDescription) -> None:
        super().__init__(coordinator, subentry, description)
        self._attr_supported_features = description.features
        self._under_way: list[CoverState] = []
        """What commands do that have not ended, in the order of the presses; the last one is shown."""
        self._reported = asyncio.Event()
        """Set anew at every report of the car."""
        self._toggling = asyncio.Lock()
        """Held from the look at a lid until it is reported open: a second press would close it."""
        self._wished: str | None = None
        """The command of the last press: a lid that is being looked at is opened only while it is this."""

    @property
    def _told(self) -> str | None:
        return self.entity_description.state_fn(self.view)

    @property
    @override
    def is_closed(self) -> bool | None:
        return None if self._told is None else self._told == CLOSED

    @property
    @override
    def is_opening(self) -> bool:
        return self._moves(CoverState.OPENING)

    @property
    @override
    def is_closing(self) -> bool:
        return self._moves(CoverState.CLOSING)

    def _moves(self, how: CoverState) -> bool:
        return (self._under_way[-1] if self._under_way else self._told) == how

    @override
    async def async_open_cover(self, **kwargs: Any) -> None:
        """Open; HomeAssistantError when the car did not confirm it."""
        self._wished = self.entity_description.open
        with self._shown_as(CoverState.OPENING):
            if not self.entity_description.toggles:
                await self._open(self.entity_description.open)
                return
            async with self._turn():
                shut = await self._is_shut()
                if self._wished != self.entity_description.open:
                    raise self.coordinator.translated(self.car, "superseded")
                if shut:
                    await self._open(self.entity_description.open)

    @override
    async def async_close_cover(self, **kwargs: Any) -> None:
        """Close; HomeAssistantError when the car did not confirm it."""
        assert self.entity_description.close  # noqa: S101 - else Home Assistant does not offer it
        ttl_s = COMFORT_TTL_S if self.entity_description.wakes else OPENS_TTL_S  # waking takes longer than a lid lives
        self._wished = self.entity_description.close
        with self._shown_as(CoverState.CLOSING):
            await self.async_command(self.entity_description.close, ttl_s=ttl_s)
            await self._report_of(closed=True)

    @override
    async def async_stop_cover(self, **kwargs: Any) -> None:
        """Stop where it is; HomeAssistantError when the car did not confirm it."""
        assert self.entity_description.stop  # noqa: S101 - as above
        await self.async_command(self.entity_description.stop, ttl_s=OPENS_TTL_S)

    @override
    async def async_open_cover_tilt(self, **kwargs: Any) -> None:
        """Open a little; HomeAssistantError when the car did not confirm it."""
        assert self.entity_description.tilt  # noqa: S101 - as above
        with self._shown_as(CoverState.OPENING):
            await self._open(self.entity_description.tilt)

    async def _open(self, command: str) -> None:
        if self.entity_description.wakes:
            await async_open(self, command)
        else:
            await self.async_command(command, ttl_s=OPENS_TTL_S)
        await self._report_of(closed=False)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until the presses before this one are done, but not for long: what opens does not come late."""
        try:
            async with asyncio.timeout(OPENS_TTL_S):
                await self._toggling.acquire()
        except TimeoutError as error:
            raise self.coordinator.translated(self.car, "expired") from error
        try:
            yield
        finally:
            self._toggling.release()

    async def _is_shut(self) -> bool:
        """Ask the car how the lid stands now, and whether it has to be opened. HomeAssistantError while it closes.

        What was told before may be half a minute old, and a lid that was opened by hand meanwhile would close. A car
        that sleeps does not say: then it stands as it did when the car fell asleep, or nobody has ever heard of it.
        """
        await self.async_command("status", ttl_s=OPENS_TTL_S)
        if self._told == CoverState.CLOSING:
            raise self.coordinator.translated(self.car, "car_busy")
        return self._told is None or self._told in _SHUT

    async def _report_of(self, *, closed: bool) -> None:
        """Wait for the report that goes with a confirmation, but not for long: a hand may have been quicker."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_WITHIN_S):
                while (self._told in (CLOSED, CoverState.CLOSING)) is not closed:
                    self._reported.clear()
                    await self._reported.wait()

    @contextmanager
    def _shown_as(self, movement: CoverState) -> Iterator[None]:
        self._under_way.append(movement)
        self.async_write_ha_state()
        try:
            yield
        finally:
            self._under_way.remove(movement)
            self.async_write_ha_state()

    @callback
    @override
    def _handle_change(self) -> None:
        self.async_write_ha_state()
        self._reported.set()
