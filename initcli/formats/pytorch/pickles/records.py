"""What a pickle says, written down and not done.

Numbers, texts, bytes, lists and tuples are themselves, and a set is a list. All else is one of
these records: nothing here hashes, compares or calls what a file holds.
"""

from __future__ import annotations

from collections.abc import Iterator


class PickleFlawError(Exception):
    """A pickle breaks a rule or a limit; its place is told by whoever knows the file."""


class Global:
    """The name of a class or function, which is not looked up."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Pairs:
    """A dictionary, with every pair in the order it was set."""

    __slots__ = ("_texts", "keys", "values")

    def __init__(self) -> None:
        self.keys: list[object] = []
        self.values: list[object] = []
        self._texts: dict[str, object] | None = None

    def items(self) -> Iterator[tuple[object, object]]:
        """Yields the pairs."""
        return zip(self.keys, self.values, strict=True)

    @property
    def texts(self) -> dict[str, object]:
        """The values of text keys, of equal keys the last; for a dictionary that is complete.

        It is made once: many objects may share one dictionary.
        """
        if self._texts is None:
            self._texts = {key: value for key, value in self.items() if isinstance(key, str)}
        return self._texts

    def get(self, key: str) -> object:
        """Returns the last value of a text key; None if there is none."""
        return self.texts.get(key)


class Call:
    """A call that a pickle asks for, and what it then does to the result.

    Attributes:
        function: What is to be called, a `Global` in sound files.
        arguments: What with; keywords are the last of them.
        state: What the object's state is to become.
        pairs: Items that are set on it, if any.
        items: Items that are appended to it, if any.
    """

    __slots__ = ("arguments", "function", "items", "pairs", "state")

    def __init__(self, function: object, arguments: object) -> None:
        self.function = function
        self.arguments = arguments
        self.state: object = None
        self.pairs: Pairs | None = None
        self.items: list[object] | None = None

    @property
    def name(self) -> str:
        """The called function's name; empty if it has none."""
        return str(self.function) if isinstance(self.function, Global) else ""


def pairs_of(record: object) -> Pairs | None:
    """Returns the pairs of a dictionary of either kind; None if it is none."""
    if isinstance(record, Call):
        return record.pairs or (Pairs() if record.name in _DICTIONARIES else None)
    return record if isinstance(record, Pairs) else None


def states_of(state: object) -> tuple[object, ...]:
    """Returns the parts of an object's state: a dictionary, or two in a tuple, one of slots."""
    return state if isinstance(state, tuple) and len(state) == _STATES else (state,)


class Persistent:
    """What lies outside of the pickle, by whatever it is known there.

    Attributes:
        key: What the pickle calls it.
        folder: Where in an archive it lies.
    """

    __slots__ = ("folder", "key")

    def __init__(self, key: object) -> None:
        self.key = key
        self.folder = "data"


_STATES = 2
_DICTIONARIES = {"collections.OrderedDict", "collections.defaultdict", "collections.Counter"}
