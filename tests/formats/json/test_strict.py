from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.errors import MalformedError
from initcli.formats.json.strict import parse_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=50, deadline=None)
@given(
    document=st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES), escape=st.booleans()
)
def test_standard_json_is_parsed_as_the_standard_library_parses_it(
    document: dict[str, object], escape: bool
) -> None:
    text = json.dumps(document, ensure_ascii=escape).encode()
    assert parse_object(text, "here") == document


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a":1,"b":2,"a":3}', "duplicate name a"),
        (b'{"a":{"b":1,"b":1}}', "duplicate name b"),
        (b'{"\\u001b[31m":1,"\\u001b[31m":1}', r"duplicate name \\x1b\[31m"),
        (b'{"a":[' + b"[]," * 500_000 + b"0]}", "almost nothing but lists"),
        (b'{"a":[' + b"{}," * 500_000 + b"0]}", "almost nothing but lists"),
        (b'{"a":NaN}', "NaN is not a JSON number"),
        (b'{"a":1e999}', "1e999 is out of range"),
        (b'{"a":"\\udc80"}', "surrogates not allowed"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' + b"[" * 127 + b"]" * 127 + b"}", "nested too deeply"),
        (b'"a"', "not a JSON object"),
        (b"\xff", "not JSON: 'utf-8' codec"),
        (b"", "not JSON: Expecting value"),
    ],
)
def test_anything_else_is_malformed_and_says_why(raw: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message) as caught:
        parse_object(raw, "here")
    assert caught.value.where == "here"
    assert len(caught.value.message) < 200


def test_integers_are_kept_exact() -> None:
    assert parse_object(b'{"a":18446744073709551615}', "")["a"] == 2**64 - 1


@pytest.mark.parametrize(
    ("literal", "kind"),
    [("-0", float), ("9" * 301, float), ("9" * 300, int), ("-" + "9" * 300, float), ("-1", int)],
)
def test_integers_that_other_parsers_take_for_floats_are_floats(literal: str, kind: type) -> None:
    parsed = parse_object(f'{{"a":[12, {literal}]}}'.encode(), "")
    assert parsed["a"] == [12, kind(literal)]
    assert list(map(type, parsed["a"])) == [int, kind]


@pytest.mark.parametrize("digits", ["9" * 310, "9" * 5000, "-" + "9" * 310])
def test_an_integer_beyond_floats_is_malformed(digits: str) -> None:
    with pytest.raises(MalformedError, match=r"is out of range"):
        parse_object(f'{{"a":{{"extra":{digits}}}}}'.encode(), "here")


@settings(max_examples=50, deadline=None)
@given(document=st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES))
def test_the_quick_reading_of_integers_is_the_thorough_one(document: dict[str, object]) -> None:
    quick = json.dumps(document).encode()
    thorough = json.dumps(document | {"odd": 1}).replace('"odd": 1', '"odd": -0').encode()
    assert repr(parse_object(thorough, "")) == repr(parse_object(quick, "") | {"odd": -0.0})


def test_the_densest_header_of_a_checkpoint_has_room() -> None:
    entry = '{"dtype":"U8","shape":[],"data_offsets":[0,0]}'
    text = ",".join(f'"{number:x}":{entry}' for number in range(300_000))
    assert len(parse_object(f"{{{text}}}".encode(), "here")) == 300_000
