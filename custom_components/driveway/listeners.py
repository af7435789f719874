"""Who wants to be called when something about a car or a bridge changes, and when something happens. Pure."""

from collections.abc import Callable
from typing import Final

from .contract import Event

AVAILABILITY: Final = "availability"
"""Bridges coming and going, what they offer, and the broker: everybody who listens hears of it."""
LINK: Final = "link"
"""How the car is reached. Other names are those of the subjects that it tells."""
HEALTH: Final = "health"
"""How the bridges themselves are."""
COMMAND: Final = "command"
"""How the last command ended that was given to the car from here."""

EVERYTHING: Final = "*"
"""In place of an id: all cars and bridges."""

type Listener = Callable[[], None]
type EventListener = Callable[[Event], None]


class Listeners:
    """Callbacks by the id of a car or a bridge, and by what they show of it."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[Listener, frozenset[str]]] = {}
        self._event_listeners: dict[str, set[EventListener]] = {}

    def add(self, about: str, listener: Listener, *what: str) -> Listener:
        """Call the listener when one of these things changed, or availability; gives what ends that."""
        listeners = self._listeners.setdefault(about, {})
        listeners[listener] = frozenset({AVAILABILITY, *what})

        def remove() -> None:
            listeners.pop(listener, None)

        return remove

    def add_event(self, car: str, listener: EventListener) -> Listener:
        """Call the listener with whatever happens to the car; gives what ends that."""
        listeners = self._event_listeners.setdefault(car, set())
        listeners.add(listener)
        return lambda: listeners.discard(listener)

    def tell(self, about: str, what: str) -> None:
        """Something about one car or bridge has changed."""
        for listened in (about, EVERYTHING):
            self._call(listened, what)

    def tell_all(self, what: str) -> None:
        """Something has changed that may concern everybody."""
        for listened in tuple(self._listeners):
            self._call(listened, what)

    def _call(self, listened: str, what: str) -> None:
        for listener, wanted in tuple(self._listeners.get(listened, {}).items()):
            if what in wanted:
                listener()

    def tell_event(self, car: str, event: Event) -> None:
        """Something happened to a car."""
        for listener in tuple(self._event_listeners.get(car, ())):
            listener(event)
