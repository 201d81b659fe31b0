"""Finds every tensor in what a pickle holds, and the path to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from initcli.formats.pytorch.pickles.records import (
    Call,
    Global,
    Pairs,
    Persistent,
    PickleFlawError,
    pairs_of,
    states_of,
)
from initcli.formats.pytorch.tensors.meanings import Broken, Meaning, Tensor
from initcli.formats.pytorch.tensors.rebuilt import meaning
from initcli.formats.storage.optimizer import is_optimizer

# Several times what the largest models hold, and seconds of work.
_MOST_STEPS = 1_000_000
_MOST_TENSORS = 200_000
_LONGEST_PATHS = 64 << 20
_REFERENCE = 8
# One set may be shared by as many modules as a pickle holds.
_MOST_PASSING = 256
_DEEP = (Pairs, list, tuple, Call, Persistent)

Child = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor that was found.

    Attributes:
        path: The names from the outermost container to it.
        tensor: What it is; one object wherever the pickle means one tensor.
        remarks: What the reader of a report should know of it.
        is_optimizer: Whether it is of an optimizer's state.
    """

    path: tuple[str, ...]
    tensor: Tensor
    remarks: tuple[str, ...] = ()
    is_optimizer: bool = False

    @property
    def name(self) -> str:
        """Its fully qualified name."""
        return ".".join(self.path)


def leaves(root: object) -> Iterator[Leaf]:
    """Yields every tensor once a path, in the order of the file.

    Whatever is within itself is entered once, and what holds no tensors is entered once at all.

    Raises:
        PickleFlawError: A tensor makes no sense, or so much is shared that names have no end.
    """
    yield from _Walk(root).leaves()


@dataclass(frozen=True, slots=True)
class _Level:
    """A container that the way leads through."""

    name: str
    node: object
    ahead: Iterator[Child]
    remarks: tuple[str, ...] = ()
    is_optimizer: bool = False
    tensors_before: int = 0


class _Walk:
    def __init__(self, root: object) -> None:
        self._way = [_Level("", None, iter([("", root)]))]
        self._entered: dict[int, object] = {}
        self._barren: dict[int, object] = {}
        self._meanings: dict[int, Meaning | None] = {}
        self._steps = 0
        self._tensors = 0
        self._length = 0

    def leaves(self) -> Iterator[Leaf]:
        while self._way:
            child = next(self._way[-1].ahead, None)
            if child is None:
                self._leave(self._way.pop())
            elif isinstance(child[1], _DEEP):
                yield from self._look(*child)
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise PickleFlawError("what the pickle holds has no end")

    def _look(self, name: str, value: object) -> Iterator[Leaf]:
        if id(value) in self._entered or id(value) in self._barren:
            return
        found = self._meaning(value)
        if isinstance(found, Tensor):
            yield self._leaf(name, found)
            return
        if _is_flat(value):
            self._barren[id(value)] = value
            return
        ahead = iter(found.named if found else children(value))
        remarks = self._way[-1].remarks
        if found and found.remark not in ("", *remarks):
            remarks = (*remarks, found.remark)
        is_optimizer = self._way[-1].is_optimizer or _is_optimizer(name, value)
        self._entered[id(value)] = value
        self._way.append(_Level(name, value, ahead, remarks, is_optimizer, self._tensors))

    def _meaning(self, value: object) -> Meaning | None:
        """Keeps what a record means: a tensor under several names is one."""
        if not isinstance(value, Call | Persistent):
            return None
        if id(value) not in self._meanings:
            self._meanings[id(value)] = _meaning_or_flaw(value)
        return self._meanings[id(value)]

    def _leaf(self, name: str, found: Tensor) -> Leaf:
        path = tuple(part for part in (*(level.name for level in self._way), name) if part)
        self._tensors += 1
        # Parts without a name are gone through too, and take time.
        self._length += sum(map(len, path)) + _REFERENCE * len(self._way)
        if self._tensors > _MOST_TENSORS or self._length > _LONGEST_PATHS:
            raise PickleFlawError("the pickle names more tensors than any model has")
        return Leaf(path, found, self._way[-1].remarks, self._way[-1].is_optimizer)

    def _leave(self, level: _Level) -> None:
        self._entered.pop(id(level.node), None)
        if level.tensors_before == self._tensors:
            self._barren[id(level.node)] = level.node


def _meaning_or_flaw(record: Call | Persistent) -> Meaning | None:
    """Keeps what is wrong with one tensor from hiding all others."""
    try:
        return meaning(record)
    except PickleFlawError as flaw:
        return Broken(str(flaw))


def _is_flat(value: object) -> bool:
    """Whether a container holds numbers and texts only, however many."""
    held = value.values if isinstance(value, Pairs) else value
    return isinstance(held, list | tuple) and not any(isinstance(each, _DEEP) for each in held)


def _is_optimizer(name: str, value: object) -> bool:
    """Knows an optimizer's state by what it holds, or what training scripts call it."""
    if isinstance(value, Call) and isinstance(value.state, Pairs):
        held = value.state
    else:
        held = pairs_of(value) or Pairs()
        if is_optimizer(name):
            return True
    return all(held.get(key) is not None for key in ("state", "param_groups"))


def children(value: object) -> Iterable[Child]:
    """Returns what a container holds, each by its name; of what is none, nothing."""
    if isinstance(value, list | tuple):
        return ((str(number), each) for number, each in enumerate(value))
    if isinstance(value, Pairs):
        return _named(value).items()
    if not isinstance(value, Call):
        return ()
    if (module := _module(value)) is not None:
        return module
    return _of_object(value)


def _named(pairs: Pairs) -> dict[str, object]:
    """Returns values by name, of equal keys the last, as in a dictionary."""
    texts = pairs.texts
    if len(texts) == len(pairs.keys):
        return texts
    named: dict[str, object] = {}
    for number, (key, value) in enumerate(pairs.items()):
        name = _name(key, number)
        named[name if isinstance(key, str) or name not in texts else f"[{name}]"] = value
    return named


def _name(key: object, number: int) -> str:
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, int | float | Global):
        return str(key)
    return key.decode("latin-1") if isinstance(key, bytes) else f"[{number}]"


def _of_object(call: Call) -> Iterator[Child]:
    """Yields what an object was made of, its items, and then its attributes."""
    pairs = pairs_of(call)
    if pairs is None:
        yield from _within(call.arguments, "arguments")
    elif call.pairs is None:
        yield from _of_items(call.arguments)
    else:
        yield from children(pairs)
    yield from children(call.items)
    for each in states_of(call.state):
        yield from _within(each, "state")


def _within(record: object, name: str) -> Iterable[Child]:
    """Returns what a plain container holds, and of what is none itself."""
    return children(record) if isinstance(record, Pairs | tuple | list) else [(name, record)]


def _of_items(arguments: object) -> Iterator[Child]:
    """Yields the items that Python 2 hands an ordered dictionary when it makes it."""
    items = arguments[0] if isinstance(arguments, tuple) and arguments else None
    for number, item in enumerate(items if isinstance(items, list) else ()):
        is_pair = isinstance(item, list | tuple) and len(item) == 2  # noqa: PLR2004 - key and value
        yield (_name(item[0], number), item[1]) if is_pair else (str(number), item)


_PLACES = ("_parameters", "_buffers", "_modules")


def _module(call: Call) -> Iterator[Child] | None:
    """Returns what a module's state dict would hold; None if it is no module."""
    state = call.state
    if not isinstance(state, Pairs):
        return None
    places = [pairs_of(state.get(place)) for place in _PLACES]
    if any(place is None for place in places):
        return None
    passing = _texts(state.get("_non_persistent_buffers_set"))
    return (
        (name, value)
        for place, pairs in zip(_PLACES, places, strict=True)
        for name, value in children(pairs)
        if place != "_buffers" or name not in passing
    )


def _texts(record: object) -> set[str]:
    """Returns the texts in a set, which older protocols make of a list."""
    if isinstance(record, Call):
        arguments = record.arguments
        record = arguments[0] if isinstance(arguments, tuple) and arguments else None
    if not isinstance(record, list):
        return set()
    if len(record) > _MOST_PASSING:
        raise PickleFlawError(f"a module with {len(record):,} buffers that are not kept")
    return {each for each in record if isinstance(each, str)}
