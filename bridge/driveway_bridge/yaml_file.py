"""Read a small YAML file so that everything wrong with it can be said by place: line and column, from 1.

YAML 1.2, but only what settings need: mappings with plain keys, lists and texts. Every value stays the text that was
written, and the schema decides what it means: `on`, `0123` and `12:30` turn into nothing else on the way. Aliases, tags
and a second document are refused; bytes, depth and the number of values are capped. Nothing here quotes a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 16
MAX_VALUES: Final = 5_000
"""Keys, texts, lists and mappings of a file: a hundred times what a house with many cars needs."""
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})

Path_ = tuple[str | int, ...]
"""Where a value stands in the tree: keys, and places in lists counted from 0."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as it was written; its repr shows nothing, since it may be a password."""

    text: str = field(repr=False)
    quoted: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing was written, or YAML's word for it."""
        return not self.quoted and self.text in _NULLS


Tree = Scalar | list["Tree"] | dict[str, "Tree"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the file itself: `place` is None when it is no one place; `path` when a value is concerned."""

    text: str
    place: Place | None = None
    path: Path_ | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What was read, as far as it could be; `tree` is None when nothing follows from the file but its faults."""

    tree: Tree | None
    places: dict[Path_, Place]
    """Of a mapping's entry its key, of a list's item its beginning."""
    faults: list[Fault]


def read(path: Path) -> Document:
    """Read a file; what is wrong with it, or with reading it, is in `faults`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return _nothing(Fault(_unreadable(error)))
    if len(raw) > MAX_BYTES:
        return _nothing(Fault("the file is longer than 1 MB; this is not a configuration of Driveway"))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        return _nothing(Fault("this is not a text in UTF-8; save it again as UTF-8", _place_of(before)))
    return parse(text)


def parse(text: str) -> Document:
    """Read a text, as `read` does."""
    reader = _Reader(text)
    try:
        return reader.document()
    except _GiveUp as stop:
        return Document(None, reader.places, [*reader.faults, stop.fault])
    except ReaderError as error:
        fault = Fault("a control character stands here; remove it", _place_of(text[: error.position]))
    except MarkedYAMLError as error:
        fault = _syntax_fault(error, text)
    except YAMLError:
        fault = Fault(_NOT_YAML)
    return Document(None, reader.places, [*reader.faults, fault])


class _GiveUp(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


class _Reader:
    """One pass over the parser's events; the depth cap keeps the recursion small."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Event] = iter(YAML(typ="safe", pure=True).parse(text))
        self._values = 0
        self.places: dict[Path_, Place] = {}
        self.faults: list[Fault] = []

    def document(self) -> Document:
        tree: Tree | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if tree is not None:
                    raise _GiveUp(Fault("a second document begins here; remove the line `---`", _place(event)))
                self.places[()] = Place(1, 1)
                tree = self._value(next(self._events), ())
            elif isinstance(event, StreamEndEvent):
                break
        if tree is None:
            return Document(None, self.places, [*self.faults, Fault("the file is empty; see driveway.example.yaml")])
        return Document(tree, self.places, self.faults)

    def _value(self, event: Event, path: Path_) -> Tree:
        self._values += 1
        if self._values > MAX_VALUES:
            raise _GiveUp(Fault("the file holds too many values; this is not a configuration of Driveway"))
        if len(path) > MAX_DEPTH:
            raise _GiveUp(Fault("values are nested too deeply here; check brackets and indentation", _place(event)))
        if isinstance(event, NodeEvent) and event.anchor is not None:
            text = "anchors and aliases (`&`, `*`) are not supported; write the value out, texts with `*` in quotes"
            self._complain(event, path, text)
        if isinstance(event, AliasEvent):
            return Scalar("")
        if getattr(event, "ctag", None) is not None:
            self._complain(event, path, "tags (`!`) are not supported; write the plain value, texts with `!` in quotes")
        if isinstance(event, ScalarEvent):
            return Scalar(event.value, quoted=event.style is not None)
        if isinstance(event, SequenceStartEvent):
            return self._list(path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        raise _GiveUp(Fault(_NOT_YAML, _place(event)))

    def _list(self, path: Path_) -> list[Tree]:
        items: list[Tree] = []
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                break
            here = (*path, len(items))
            self.places[here] = _place(event)
            items.append(self._value(event, here))
        return items

    def _mapping(self, path: Path_) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                break
            place = _place(event)
            key = self._value(event, (*path, "?"))
            if not isinstance(key, Scalar):
                raise _GiveUp(Fault("a key has to be one word; check brackets, braces and quotes", place))
            here = (*path, key.text)
            if key.text in entries:
                before = self.places[here]
                self._complain(event, here, f"the key stands in line {before.line} already; keep one of them")
                self._value(next(self._events), (*path, "?"))
                continue
            self.places[here] = place
            entries[key.text] = self._value(next(self._events), here)
        return entries

    def _complain(self, event: Event, path: Path_, text: str) -> None:
        self.faults.append(Fault(text, _place(event), path))


def _nothing(fault: Fault) -> Document:
    return Document(None, {}, [fault])


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _place_of(before: str) -> Place:
    lines = before.split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


def _unreadable(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file; check the path"
        case IsADirectoryError():
            return "this is a folder; give the file in it"
        case PermissionError():
            return "the file may not be read; give this user the right to read it"
        case _:
            return f"the file cannot be read ({error.strerror or type(error).__name__}); check the path and the disk"


_NOT_YAML: Final = "this is not YAML; check indentation, colons, brackets and quotes here and in the line above"
# The parser's words, and what an owner can do. Its own texts are not shown: they may quote a piece of a password.
_SYNTAX: Final = (
    (r"\\t", "a tab stands here; indent with spaces"),
    (r"quoted scalar", "a quotation mark that is opened here is not closed; close it"),
    (r"flow (sequence|mapping)", "a bracket or brace that is opened here is not closed, or a comma is missing"),
    (r"mapping values are not allowed", "a colon stands here that does not belong; put texts with a colon in quotes"),
    (r"expected ':'", "a colon is missing; write `key: value` with a space after the colon"),
    (r"cannot start any token", "a value must not begin with this character; put it in quotes"),
    (r"block end|block collection", "the indentation does not fit the lines above; use the same number of spaces"),
    (r"version 1", "only YAML 1 is understood; remove the line that begins with `%`"),
)


def _syntax_fault(error: MarkedYAMLError, text: str) -> Fault:
    words = f"{error.context or ''} {error.problem or ''}"
    remark = next((remark for pattern, remark in _SYNTAX if re.search(pattern, words)), _NOT_YAML)
    # What was left open is best seen where it began.
    mark = (error.context_mark if "opened here" in remark else None) or error.problem_mark or error.context_mark
    if mark is None:
        return Fault(remark)
    lines = text.splitlines()
    indent = re.match(r"[ \t]*", lines[mark.line]) if mark.line < len(lines) else None
    if indent and (tab := indent.group().find("\t")) >= 0:
        return Fault(_SYNTAX[0][1], Place(mark.line + 1, tab + 1))
    return Fault(remark, Place(mark.line + 1, mark.column + 1))
