"""A pickle is written down as Python would have understood it, and nothing of it is done."""

from __future__ import annotations

import io
import pickle
import pickletools
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.formats.pytorch.pickles.opcodes import OPCODES, unpickle
from initcli.formats.pytorch.pickles.records import (
    Call,
    Global,
    Pairs,
    Persistent,
    PickleFlawError,
    pairs_of,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**600), 2**600)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=5)
        | st.dictionaries(st.text(), inner, max_size=5).map(OrderedDict)
    ),
    max_leaves=30,
)


def written_down(raw: bytes) -> object:
    return unpickle(io.BytesIO(raw))[0]


def refusal(raw: bytes) -> str:
    """Returns why a pickle is refused; nothing if it is not, and any other error is raised."""
    try:
        written_down(raw)
    except PickleFlawError as flaw:
        return str(flaw)
    return ""


def plain(record: object) -> object:
    """Returns what a record stands for, with dictionaries as lists of pairs."""
    if (pairs := pairs_of(record)) is not None:
        return [(plain(key), plain(value)) for key, value in pairs.items()]
    if isinstance(record, Call):  # how the protocols before 3 wrap bytes
        function, arguments = str(record.function), record.arguments
        assert function in {"_codecs.encode", "__builtin__.bytes", "builtins.bytes"}
        assert isinstance(arguments, tuple)
        return arguments[0].encode("latin-1") if arguments else b""
    if isinstance(record, list | tuple):
        return type(record)(map(plain, record))
    return record


def expected(value: object) -> object:
    if isinstance(value, dict):
        return [(key, expected(each)) for key, each in value.items()]
    return type(value)(map(expected, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@given(value=VALUES)
def test_data_of_every_protocol_is_what_python_pickled(protocol: int, value: object) -> None:
    file = io.BytesIO(pickle.dumps(value, protocol) + b"behind")
    assert plain(unpickle(file)[0]) == expected(value)
    assert file.read() == b"behind"


def test_every_opcode_there_is_is_known() -> None:
    there_are = {each.code.encode("latin-1") for each in pickletools.opcodes}
    assert set(OPCODES) == there_are - {pickle.STOP}


def test_values_met_twice_are_one() -> None:
    shared = ["x"]
    first, second = written_down(pickle.dumps([shared, shared]))  # type: ignore[misc]
    assert first is second
    shared.append(shared)  # type: ignore[arg-type]
    loop = written_down(pickle.dumps(shared))
    assert isinstance(loop, list)
    assert loop[1] is loop


def test_sets_are_lists_and_keep_what_they_hold() -> None:
    for protocol in range(6):
        record = written_down(pickle.dumps({7, 8}, protocol))
        items = record if isinstance(record, list) else record.arguments[0]  # type: ignore[attr-defined]
        assert sorted(items) == [7, 8]
    assert written_down(pickle.dumps(frozenset({7}), 4)) == (7,)


def test_an_object_is_its_class_by_name_what_made_it_and_its_state() -> None:
    for protocol in range(2, 6):
        record = written_down(pickle.dumps(pytest.ExceptionInfo, protocol))
        assert isinstance(record, Global)
        assert str(record) == "_pytest._code.code.ExceptionInfo"
    call = written_down(b"cos\nsystem\n(S'true'\ntR}S'a'\nI1\nsb.")
    assert isinstance(call, Call)
    assert (call.name, call.arguments) == ("os.system", ("true",))
    assert isinstance(call.state, Pairs)
    assert list(call.state.items()) == [("a", 1)]


# Each opcode that would look up, call or set something, by the name it would reach.
PAYLOADS = {
    "global": b"cos\nsystem\n.",
    "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "reduce": b"cos\nsystem\n(S'touch ran'\ntR.",
    "inst": b"(S'touch ran'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'touch ran'\no.",
    "newobj": b"cos\nsystem\nS'touch ran'\n\x85\x81.",
    "newobj_ex": b"\x80\x04cos\nsystem\nS'touch ran'\n\x85}\x92.",
    "extension 1": b"\x82\x01.",
    "extension 2": b"\x83\x01\x01.",
    "extension 4": b"\x84\x01\x01\x01\x01.",
    "build": b"cos\nsystem\n(tR}S'__setstate__'\ncos\nsystem\nsS'touch ran'\nb.",
    "module that is not there": b"cabsent_module_of_no_name\nthing\n)R.",
    "persistent": b"Ptouch ran\n.",
    "binary persistent": b"S'touch ran'\nQ.",
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_nothing_is_looked_up_called_or_set(
    payload: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    called: list[object] = []
    monkeypatch.setattr("os.system", called.append)
    try:
        record = written_down(payload)
    except PickleFlawError:
        record = None
    assert record is None or isinstance(record, Call | Global | Persistent)
    assert not called
    assert set(sys.modules) == before
    assert not list(tmp_path.iterdir())


def put_and_get(number: int) -> bytes:
    return b"r" + number.to_bytes(4, "little") + b"j" + number.to_bytes(4, "little")


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "ends early"),
    "only a stop": (b".", "misuses opcode 0x2e|ends early"),
    "no opcode": (b"\x00.", "0x00 is no opcode"),
    "a cut number": (b"J\x01\x02", "ends early"),
    "a cut text": (b"X\x05\0\0\0ab", "ends early"),
    "a cut line": (b"S'abc", "ends early"),
    "a cut double": (b"G\0\0", "ends early"),
    "protocol 6": (b"\x80\x06N.", "protocol 6 is not known"),
    "a text of 2⁶³ bytes": (
        b"\x8d" + b"\xff" * 7 + b"\x7f.",
        "a text of 9,223,372,036,854,775,807 bytes",
    ),
    "a text of 2³¹ bytes": (b"X\0\0\0\x80.", "a text of 2,147,483,648 bytes"),
    "bytes of 2⁶⁴−1": (b"\x8e" + b"\xff" * 8, "ends early"),
    "a bytearray of 2⁶⁴−1": (b"\x96" + b"\xff" * 8, "ends early"),
    "bytes of 2³¹": (b"B\0\0\0\x80" + bytes(2_000), "ends early"),
    "an integer of 2³¹ bytes": (b"\x8b\0\0\0\x80.", "an integer of 2,147,483,648 bytes"),
    "an integer of 2 kB": (b"\x8b\0\x08\0\0" + bytes(2048) + b".", "an integer of 2,048 bytes"),
    "a number of many digits": (b"I" + b"1" * 2000 + b"\n.", "a line is too long"),
    "no digits": (b"Ione\n.", "misuses opcode 0x49"),
    "no quotes": (b"Sabc\n.", "without quotes"),
    "one quote": (b"S'\n.", "without quotes"),
    "half a character": (b"X\1\0\0\0\xff.", "misuses opcode 0x58"),
    "a name that is no text": (b"NN\x93.", "no text"),
    "a mark that is not there": (b"t.", "misuses opcode 0x74"),
    "below the mark": (b"N(\x85.", "misuses opcode 0x85"),
    "below the bottom": (b"R.", "misuses opcode 0x52"),
    "never noted": (b"h\x01.", "misuses opcode 0x68"),
    "nothing to note": (b"q\x01.", "misuses opcode 0x71"),
    "append to None": (b"NNa.", "appended to what has none"),
    "set on None": (b"NNNs.", "set on what has none"),
    "a key without value": (b"}(Nu.", "set on what has none"),
    "a state of None": (b"NNb.", "a state is set on what is no object"),
    "buffers elsewhere": (b"\x97.", "lie outside"),
    "a read-only buffer": (b"N\x98.", "lie outside"),
    "an object of nothing": (b"(o.", "misuses opcode 0x6f"),
}


@pytest.mark.parametrize(("raw", "message"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_a_rule_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(PickleFlawError, match=message):
        written_down(raw)


BOMBS: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"]" * (5 << 20) + b".",
    "dictionaries": lambda: b"}" * (2 << 20) + b".",
    "marks": lambda: b"(" * (4 << 20) + b".",
    "notes": lambda: b"N" + b"".join(map(put_and_get, range(3 << 20))) + b".",
    "calls": lambda: b"N(tq\1" + b"h\1h\1R" * (3 << 20) + b".",
    "references": lambda: b"]q\1" + b"h\1" * (24 << 20) + b".",
    "copies": lambda: b"]" + b"2" * (24 << 20) + b".",
    "names": lambda: b"ca\nb\n" * (1 << 20) + b".",
    "persistent": lambda: b"P\n" * (3 << 20) + b".",
    "wide characters": lambda: b"X\0\0\0\4" + "\U0001f600".encode() * (1 << 24) + b".",
    "state upon state": lambda: b"N(tR" + b"Nb" * (5 << 20) + b".",
}


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_what_would_take_too_much_memory_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(PickleFlawError, match="more than 240 MB"):
        written_down(make())


@pytest.mark.parametrize("depth", [10, 100_000])
def test_depth_needs_no_recursion(depth: int) -> None:
    record: object = written_down(b"N" + b"\x85" * depth + b".")
    for _ in range(depth):
        assert isinstance(record, tuple)
        (record,) = record
    assert record is None


@given(st.binary(max_size=200))
def test_any_bytes_are_written_down_or_refused(raw: bytes) -> None:
    assert len(refusal(raw)) < 300


@given(VALUES, st.integers(0, 5), st.data())
def test_damaged_pickles_are_written_down_or_refused(
    value: object, protocol: int, data: st.DataObject
) -> None:
    raw = bytearray(pickle.dumps(value, protocol))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert len(refusal(bytes(raw))) < 300
