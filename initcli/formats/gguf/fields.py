"""The fields of a GGUF header, one after the other, each held against the bytes that are left.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from initcli.core.errors import MalformedError, TruncatedError
from initcli.core.text import visible

# Vocabularies and their merges take some 20 MB.
LONGEST = 64 << 20
_DEEPEST = 4
_LONGEST_VALUE = 1 << 16
_MOST_KEPT = 16 << 20
_WINDOW = 1 << 16
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: ("uint8", "B"),
    1: ("int8", "b"),
    2: ("uint16", "H"),
    3: ("int16", "h"),
    4: ("uint32", "I"),
    5: ("int32", "i"),
    6: ("float32", "f"),
    7: ("bool", "?"),
    10: ("uint64", "Q"),
    11: ("int64", "q"),
    12: ("float64", "d"),
}
_KINDS = {**_SCALARS, _STRING: ("string", ""), _ARRAY: ("array", "")}


@dataclass(slots=True)
class Fields:
    """A header that has been read so far.

    Attributes:
        file: What is read.
        end: How far it may be read.
        where: The file, as messages name it.
        order: Of the bytes of a number.
        position: How far it has been read.
        room: How many characters of texts may still be kept.
        cut: How many texts were not kept whole.
    """

    file: BinaryIO
    end: int
    where: str
    order: str
    position: int
    room: int = _MOST_KEPT
    cut: int = 0

    def take(self, count: int) -> bytes:
        """Returns the next bytes."""
        self._need(count)
        raw = self.file.read(count)
        if len(raw) < count:
            raise TruncatedError("the file ends inside its header", where=self.here)
        self.position += count
        return raw

    def skip(self, count: int) -> None:
        """Passes bytes over."""
        self._need(count)
        self.position += count
        self.file.seek(self.position)

    def number(self, form: str) -> Any:  # noqa: ANN401 - the form says which
        """Returns the next number."""
        return struct.unpack(self.order + form, self.take(struct.calcsize("=" + form)))[0]

    def text(self) -> str:
        """Returns the next text, which must be UTF-8."""
        try:
            return self.take(self.number("Q")).decode()
        except UnicodeDecodeError as error:
            raise MalformedError("a name is not UTF-8", where=self.here) from error

    def refuse_many(self, what: str, count: int, most: int, least_bytes: int) -> None:
        """Refuses a count that the file has no room for, or nobody has use for."""
        if count * least_bytes > self.end - self.position:
            raise TruncatedError(f"the header promises {count:,} {what}", where=self.here)
        if count > most:
            message = f"a header of {count:,} {what}; at most {most:,} are read"
            raise MalformedError(message, where=self.here)

    def unique(self, count: int, what: str, read: Callable[[], tuple[str, Any]]) -> dict[str, Any]:
        """Returns the next named things, of which no two may have one name."""
        found = dict[str, Any]()
        for _ in range(count):
            name, value = read()
            if name in found:
                message = f"two {what}s are called {visible(name, 80)}"
                raise MalformedError(message, where=self.here)
            found[name] = value
        return found

    def pair(self) -> tuple[str, str]:
        """Returns the next key and its value."""
        return self.text(), self._value(self.number("I"))

    def _value(self, kind: int) -> str:
        if kind == _STRING:
            return self._long_text()
        if kind == _ARRAY:
            inner, count = self.number("I"), self.number("Q")
            self._skip_array(inner, count, _DEEPEST)
            return f"[{count:,} × {_KINDS[inner][0]}]"
        return str(self.number(self._form(kind)))

    def _long_text(self) -> str:
        length = self.number("Q")
        most = min(_LONGEST_VALUE, self.room)
        raw = self.take(min(length, most))
        self.skip(length - len(raw))
        whole = raw.decode(errors="backslashreplace")
        kept = whole[:most]
        self.room -= len(kept)
        if len(raw) == length and kept == whole:
            return kept
        self.cut += 1
        return f"{kept}…"

    def _form(self, kind: int) -> str:
        if kind not in _KINDS:
            raise MalformedError(f"metadata of an unknown type, {kind}", where=self.here)
        return _KINDS[kind][1]

    def _skip_array(self, kind: int, count: int, depth: int) -> None:
        form = self._form(kind)
        if kind in _SCALARS:
            self.skip(count * struct.calcsize("=" + form))
            return
        self.refuse_many("values", count, self.end, 8 if kind == _STRING else 12)
        if not depth:
            raise MalformedError("metadata is nested too deeply", where=self.here)
        if kind == _STRING:
            self._skip_texts(count)
            return
        for _ in range(count):
            self._skip_array(self.number("I"), self.number("Q"), depth - 1)

    def _skip_texts(self, count: int) -> None:
        """Passes texts over, of which a vocabulary has a hundred thousand."""
        length = struct.Struct(self.order + "Q")
        window, at = b"", 0
        for _ in range(count):
            if at + length.size > len(window):
                self.skip(at)
                window, at = self._window(length.size), 0
            at += length.size + length.unpack_from(window, at)[0]
        self.skip(at)

    def _window(self, least: int) -> bytes:
        """Returns what comes next without passing it over."""
        self._need(least)
        window = self.file.read(_WINDOW)
        self.file.seek(self.position)
        return window

    def _need(self, count: int) -> None:
        if count > self.end - self.position:
            message = "the file ends inside its header"
            if self.end == LONGEST:
                message = f"a header of more than {LONGEST:,} bytes"
            raise TruncatedError(message, where=self.here)

    @property
    def here(self) -> str:
        """How far it has been read, as messages say it."""
        return f"{self.where}, byte {self.position:,}"
