"""What a bridge tells of itself in its topic `health`: a document for people, of which we read what we know. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .contract_json import parse_object
from .state import finite


class Problem(NamedTuple):
    """Something that does not work now: `part` is `radio`, `broker`, `ear`, `clients`, `audit` or a car's id."""

    part: str
    reason: str
    """A code of `reasons.REASONS`, or one of a newer bridge."""


@dataclass(frozen=True, slots=True)
class Health:
    """The document, or a part of it. Getters give None for what is not there, or of another kind."""

    document: Mapping[str, Any]

    @classmethod
    def parse(cls, payload: str) -> Health:
        """Read a payload; ContractError when it is none."""
        return cls(parse_object(payload))

    def part(self, *path: str) -> Health:
        """Give what stands at a path; empty when that is nothing."""
        found = self.value(*path)
        return Health(found if isinstance(found, dict) else {})

    def value(self, *path: str) -> Any:
        """Give what stands at a path."""
        found: Any = self.document
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def number(self, *path: str) -> float | None:
        """Give a number at a path."""
        return finite(self.value(*path))

    def text(self, *path: str) -> str | None:
        """Give a text at a path."""
        found = self.value(*path)
        return found if isinstance(found, str) else None

    def flag(self, *path: str) -> bool | None:
        """Give yes or no at a path."""
        found = self.value(*path)
        return found if isinstance(found, bool) else None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What does not work now."""
        told = self.value("problems")
        items = [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
        return tuple(
            Problem(item["part"], item["reason"])
            for item in items
            if isinstance(item.get("part"), str) and isinstance(item.get("reason"), str)
        )
