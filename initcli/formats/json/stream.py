"""A JSON object read member by member, so that memory holds one member and not the document."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Callable, Iterator

from initcli.core.errors import MalformedError
from initcli.core.text import visible
from initcli.formats.json.strict import is_odd, malformed, refuse_dense, value_at

_PIECE = 1 << 20
# What one value may take of memory as text, which a string is all it takes. Of lists and objects
# the parsed ones take ten times as much.
_LONGEST_STRING = 128 << 20
_LONGEST_VALUE = 16 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
# The longest token that is no string, `-Infinity`, or of which a string's escape is cut.
_TOKEN = 16
# Digits, a sign or an escape that two pieces share.
_SEAM = 300


class JsonStream:
    """Reads one JSON object by the standard, and no further than it is asked to.

    Args:
        read: Returns the next bytes, at most so many; none at the end.
        where: What is read, as messages name it.
    """

    def __init__(self, read: Callable[[int], bytes], where: str) -> None:
        self._read = read
        self._where = where
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._seam = b""
        self._is_odd = False
        self._is_whole = False

    def members(self) -> Iterator[str]:
        """Yields the name of each member of the object that comes next.

        Its value is to be read, by `value` or `members`, before the next name is asked for.

        Raises:
            MalformedError: What comes is no object, or breaks a rule of JSON.
        """
        if self.next() != "{":
            raise MalformedError("not a JSON object", where=self._where)
        self._at += 1
        if self.next() == "}":
            self._at += 1
            return
        while True:
            if self.next() != '"':
                raise self._flaw("a name is expected")
            name = self._value(_LONGEST_VALUE)
            self._pass(":")
            yield str(name)
            if self._pass(",}") == "}":
                return

    def value(self) -> object:
        """Returns the value that comes next.

        Raises:
            MalformedError: It breaks a rule of JSON, or is longer than any that is read.
        """
        return self._value(_LONGEST_STRING if self.next() == '"' else _LONGEST_VALUE)

    def _value(self, most: int) -> object:
        while True:
            try:
                value, end = value_at(self._text, self._at, is_odd=self._is_odd, above=1)
            except (ValueError, RecursionError) as error:
                if not (self._is_cut(error) and self._extend(most)):
                    raise malformed(error, self._where) from error
            else:
                if not (self._may_go_on(end) and self._extend(most)):
                    self._at = end
                    return value

    def texts(self, what: str, most: int) -> dict[str, str]:
        """Returns the object of strings that comes next, of which equal ones are kept once.

        Args:
            what: What it is, as messages name it.
            most: How many it may hold: of the shortest there are millions in a document, for
                which a gigabyte would not do.

        Raises:
            MalformedError: It is something else, names one twice, or holds too much.
        """
        texts: dict[str, str] = {}
        known: dict[str, str] = {}
        room = _LONGEST_STRING
        flaw = MalformedError(f"{what} must map strings to strings", where=self._where)
        if self.next() != "{":
            raise flaw
        for name in self.members():
            if self.next() != '"':
                raise flaw
            if name in texts:
                raise MalformedError(f"duplicate name {visible(name, 80)}", where=self._where)
            if len(texts) == most:
                raise MalformedError(f"{what} has more than {most:,} entries", where=self._where)
            value = str(self.value())
            room -= 0 if value in known else sys.getsizeof(value)
            if room < 0:
                raise MalformedError(f"{what} takes too much memory", where=self._where)
            texts[name] = known.setdefault(value, value)
        return texts

    def next(self) -> str:
        """Returns the next character that is no space, and leaves it there; nothing at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or not self._extend(_LONGEST_VALUE):
                return self._text[self._at : self._at + 1]

    def finish(self) -> None:
        """Makes sure that nothing comes any more.

        Raises:
            MalformedError: Something does.
        """
        if self.next():
            raise self._flaw("nothing is expected after the object")

    def _pass(self, expected: str) -> str:
        found = self.next()
        if not found or found not in expected:
            raise self._flaw(f"{' or '.join(expected)} is expected")
        self._at += 1
        return found

    def _flaw(self, what: str) -> MalformedError:
        found = visible(self._text[self._at : self._at + 20]) or "the end"
        return MalformedError(f"not JSON: {what}, not {found}", where=self._where)

    def _is_cut(self, error: Exception) -> bool:
        """Whether what is wrong may be that a value goes on behind the text that was read."""
        return isinstance(error, json.JSONDecodeError) and (
            error.pos > len(self._text) - _TOKEN or error.msg.startswith("Unterminated string")
        )

    def _may_go_on(self, end: int) -> bool:
        """Whether a value may be the begin of a number: of `1.5e+7` what stands before `.`, `e`."""
        return end > len(self._text) - len("e+") - 1 and self._text[end - 1] not in '"]}'

    def _extend(self, most: int) -> bool:
        """Reads on, as much again as is held; False at the end."""
        if self._is_whole:
            return False
        rest = self._text[self._at :]
        self._text, self._at = "", 0
        more = self._more(min(max(_PIECE, len(rest)), _LONGEST_VALUE))
        if (len(rest) + len(more)) * max(map(_width, (rest, more))) > most:
            raise MalformedError("JSON with a value too long to be read", where=self._where)
        self._text = rest + more
        try:
            refuse_dense(self._text)
        except ValueError as error:
            raise malformed(error, self._where) from error
        return True

    def _more(self, most: int) -> str:
        raw = self._read(most)
        self._is_whole = not raw
        self._is_odd = self._is_odd or is_odd(self._seam + raw)
        self._seam = (self._seam + raw)[-_SEAM:]
        try:
            return self._decoder.decode(raw, final=self._is_whole)
        except ValueError as error:
            raise malformed(error, self._where) from error


def _width(text: str) -> float:
    """Returns the bytes that a character of it takes, which is as many as its widest does."""
    return sys.getsizeof(text) / max(_SEAM, len(text))
