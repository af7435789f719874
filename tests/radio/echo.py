"""A car that says again what it is told, so that what arrives can be counted byte by byte."""

from __future__ import annotations

from collections.abc import Callable


class EchoCar:
    """Answers each write with the same bytes."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        """Each write."""
        self._say: list[Callable[[bytes], None]] = []

    def attach(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> _Plug:
        """Take a link."""
        self._say.append(send)
        return _Plug(self, send)

    def say(self, data: bytes) -> None:
        """Tell something to all that are linked."""
        for send in self._say:
            send(data)

    def forget(self, send: Callable[[bytes], None]) -> None:
        """A link is gone."""
        self._say.remove(send)


class _Plug:
    def __init__(self, car: EchoCar, send: Callable[[bytes], None]) -> None:
        self._car = car
        self._send = send

    def feed(self, data: bytes) -> None:
        self._car.heard.append(data)
        self._send(data)

    def detach(self) -> None:
        self._car.forget(self._send)
