"""Over families of mutated headers, verdicts agree with the reference parser's."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES
from initcli.core.errors import InitcliError
from initcli.formats.safetensors import read_shard

SOUND = '{"__metadata__":{"k\\u00e9y":"v"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'


def verdicts(header: bytes, data: bytes) -> tuple[bool, bool]:
    """Says whether initcli accepts a file, and whether the reference parser does."""
    raw = len(header).to_bytes(8, "little") + header + data
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(raw)
        file.flush()
        return accepts(Path(file.name)), reference_accepts(raw)


def accepts(path: Path) -> bool:
    try:
        read_shard(path)
    except InitcliError:
        return False
    return True


def reference_accepts(raw: bytes) -> bool:
    try:
        safetensors.deserialize(raw)
    except safetensors.SafetensorError:
        return False
    return True


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([*DTYPES, "", "f32", "\u2028", "é"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    ),
    max_leaves=6,
)
LENGTHS = st.lists(st.sampled_from([0, 1, 2, 3, 4, 8, 2**31, 2**32, 2**62, 2**64 - 1]), max_size=4)


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, int]:
    """Draws headers that are sound, then breaks some of them in one place."""
    document: dict[str, object] = {}
    position = 0
    for name in draw(st.lists(st.sampled_from("vwxyz"), max_size=4, unique=True)):
        dtype = DTYPES[draw(st.sampled_from(list(DTYPES)))]
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        size = (int(np.prod(shape)) * dtype.bits + 7) // 8
        document[name] = {
            "dtype": dtype.code,
            "shape": shape,
            "data_offsets": [position, position + size],
        }
        position += size
    if draw(st.booleans()):
        document["__metadata__"] = draw(st.dictionaries(st.text("ab"), st.text(), max_size=2))
    if draw(st.booleans()):
        target = draw(st.sampled_from(["__metadata__", *document, "new"]))
        broken = document.get(target)
        if isinstance(broken, dict) and draw(st.booleans()):
            field = draw(st.sampled_from(["dtype", "shape", "data_offsets", "more"]))
            broken[field] = draw(LENGTHS if field in {"shape", "data_offsets"} else JSON_VALUES)
        else:
            document[target] = draw(JSON_VALUES)
    return json.dumps(document), max(0, position + draw(st.sampled_from([0, 0, 0, 1, -1])))


def uses_serde_stand_ins(text: str) -> bool:
    """Whether serde takes a list for a struct or an object for an enum, as no rule allows."""
    document = json.loads(text)
    return any(
        isinstance(info, list) or (isinstance(info, dict) and isinstance(info.get("dtype"), dict))
        for info in document.values()
    )


@settings(max_examples=700, deadline=None)
@given(drawn=headers())
def test_on_headers_with_one_thing_broken(drawn: tuple[str, int]) -> None:
    text, size = drawn
    ours, theirs = verdicts(text.encode(), bytes(size))
    assert ours == (theirs and not uses_serde_stand_ins(text))


@settings(max_examples=1000, deadline=None)
@given(
    at=st.integers(0, len(SOUND) - 1),
    byte=st.sampled_from(b'\x00 09-+.eE"\\{}[],:twFnul\x80\xff'),
    insert=st.booleans(),
)
def test_on_headers_with_one_wrong_byte(at: int, byte: int, insert: bool) -> None:
    text = bytearray(SOUND.encode())
    text[at : at if insert else at + 1] = bytes([byte])
    ours, theirs = verdicts(bytes(text), bytes(4))
    assert ours == theirs
