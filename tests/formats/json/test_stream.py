"""What is read member by member is what is read at once, wherever the pieces are cut."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.errors import MalformedError
from initcli.formats.json import stream as json_stream
from initcli.formats.json.stream import JsonStream

TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


def stream_of(raw: bytes, piece: int = 1 << 20) -> JsonStream:
    file = io.BytesIO(raw)
    return JsonStream(lambda most: file.read(min(piece, most)), "here")


def members_of(raw: bytes, piece: int = 1 << 20) -> dict[str, object]:
    stream = stream_of(raw, piece)
    found = {name: stream.value() for name in stream.members()}
    stream.finish()
    return found


@settings(max_examples=200, deadline=None)
@given(
    document=st.dictionaries(TEXT, VALUES),
    escape=st.booleans(),
    indent=st.sampled_from([None, 1]),
    piece=st.integers(1, 40),
)
def test_pieces_of_any_length_hold_what_the_standard_library_reads(
    document: dict[str, object], escape: bool, indent: int | None, piece: int
) -> None:
    text = json.dumps(document, ensure_ascii=escape, indent=indent).replace("Infinity", "1e300")
    assert members_of(text.encode(), piece) == json.loads(text)


@settings(max_examples=100, deadline=None)
@given(document=st.dictionaries(TEXT, VALUES, min_size=1), data=st.data(), piece=st.integers(1, 40))
def test_a_document_that_is_cut_is_malformed(
    document: dict[str, object], data: st.DataObject, piece: int
) -> None:
    raw = json.dumps(document).encode()
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(MalformedError):
        members_of(raw[:cut], piece)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a":{"b":1,"b":1}}', "duplicate name b"),
        (b'{"a":NaN}', "NaN is not a JSON number"),
        (b'{"a":-Infinity}', "-Infinity is not a JSON number"),
        (b'{"a":1e999 }', "1e999 is out of range"),
        (b'{"a":"\\udc80"}', "surrogates not allowed"),
        (b'{"a\\ud800":1}', "surrogates not allowed"),
        (b'{"a":"\\ud83d', "not JSON"),
        (b'{"a":' + b"[" * 127 + b"]" * 127 + b"}", "nested too deeply"),
        (b'{"a":1}x', "nothing is expected after the object, not x"),
        (b'{"a":1,}', "a name is expected, not }"),
        (b"{1:1}", "a name is expected, not 1:1}"),
        (b'{"a" 1}', ": is expected, not 1}"),
        (b'{"a":1 "b":2}', ', or } is expected, not "b":2}'),
        (b'{"a":1', ", or } is expected, not the end"),
        (b'{"a":tru }', "not JSON: Expecting value"),
        (b'{"a":"\x01"}', "Invalid control character"),
        (b'{"\xff":1}', "'utf-8' codec"),
        (b'{"\xe2\x82', "'utf-8' codec"),
        (b"[]", "not a JSON object"),
        (b" ", "not a JSON object"),
    ],
)
def test_a_flaw_is_told_wherever_the_pieces_are_cut(raw: bytes, message: str, piece: int) -> None:
    with pytest.raises(MalformedError) as caught:
        members_of(raw, piece)
    # Of a piece of few bytes no more can be shown than was read.
    assert caught.value.message.startswith("not JSON") or message in caught.value.message
    if piece == 1 << 20:
        assert message in caught.value.message


def test_values_as_deep_as_the_reference_goes_are_read() -> None:
    deep = b"[" * 126 + b"]" * 126
    assert members_of(b'{"a":' + deep + b"}") == {"a": json.loads(deep)}


def test_what_stands_around_an_object_is_space() -> None:
    assert members_of(b' \n\t\r{ "a" : 1 , "b" : 2 } \n', 1) == {"a": 1, "b": 2}


def test_objects_within_are_read_member_by_member_too() -> None:
    stream = stream_of(b'{"a":{"x":1,"y":[2]},"b":{}}', 2)
    found = {
        name: {inner: stream.value() for inner in stream.members()} for name in stream.members()
    }
    assert found == {"a": {"x": 1, "y": [2]}, "b": {}}


@pytest.mark.parametrize("digits", ["-0", "9" * 301])
def test_odd_integers_are_floats_wherever_they_are_cut(digits: str) -> None:
    for piece in (1, 2, 299, 300, 301):
        (number,) = members_of(f'{{"a":{digits}}}'.encode(), piece).values()
        assert type(number) is float


def test_what_one_value_may_take_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_PIECE", 100)
    monkeypatch.setattr(json_stream, "_LONGEST_VALUE", 10_000)
    monkeypatch.setattr(json_stream, "_LONGEST_STRING", 30_000)
    long, wide = "x" * 25_000, "\U0001f600" * 8_000
    assert members_of(f'{{"a":"{long}","b":1}}'.encode()) == {"a": long, "b": 1}
    for value in (f'"{wide}"', f'"{long}{long}"', f"[{'1,' * 6_000}1]", f'{{"y":"{long}"}}'):
        with pytest.raises(MalformedError, match="too long to be read"):
            members_of(f'{{"a":{value}}}'.encode())


def test_no_more_is_read_than_is_asked_for() -> None:
    """A flaw at the begin is told before the rest is read."""
    file = io.BytesIO(b'{"a":x' + bytes(100_000_000))
    stream = JsonStream(file.read, "here")
    with pytest.raises(MalformedError, match="Expecting value"):
        [stream.value() for _ in stream.members()]
    assert file.tell() <= 2 << 20
