"""The header is judged by the format's rules, and as the reference parser judges it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import save_file

from initcli.core.dtypes import DTYPES
from initcli.core.errors import (
    MalformedError,
    MissingError,
)
from initcli.formats.safetensors import read_shard

RawFile = Callable[..., Path]

# Of a scalar pair of packed values the library makes one value, and refuses it.
WRITABLE = [
    (code, shape)
    for code, dtype in DTYPES.items()
    for shape in ((), (0,), (3, 4), (1, 0, 5))
    if dtype.torch and (shape or not dtype.is_packed)
]
FOUR = bytes(4)
W = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
HUGE = 2**62


def entry(dtype: str = '"F32"', shape: str = "[1]", offsets: str = "[0,4]", more: str = "") -> str:
    return f'{{"w":{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}{more}}}}}'


def nested(depth: int) -> str:
    return entry(more=f',"x":{"[" * depth}{"]" * depth}')


def with_metadata(value: str) -> str:
    return f'{{"__metadata__":{value},"w":{W}}}'


def another(begin: int, end: int) -> str:
    length = (end - begin) // 4
    return f'{{"w":{W},"v":{{"dtype":"F32","shape":[{length}],"data_offsets":[{begin},{end}]}}}}'


# What is written: what it holds, header, data.
SOUND = {
    "a tensor": (entry(), FOUR),
    "leading spaces": (f"    {entry()}", FOUR),
    "any whitespace around": (f"\n\t{entry()}\r\n ", FOUR),
    "no tensor": ("{}", b""),
    "a scalar": (entry(shape="[]"), FOUR),
    "a zero-size tensor": (entry(shape="[0,7]", offsets="[0,0]"), b""),
    "a huge dimension beside a zero": (entry(shape=f"[0,{2**64 - 1}]", offsets="[0,0]"), b""),
    "a zero-size tensor at the end": (another(4, 4), FOUR),
    "names in any order": (another(4, 12), bytes(12)),
    "an extra field": (entry(more=',"x":[1.5,null,{"y":"z"}]'), FOUR),
    "an extra field as deep as serde goes": (nested(125), FOUR),
    "null metadata": (with_metadata("null"), FOUR),
    "empty metadata": (with_metadata("{}"), FOUR),
    "metadata with NUL": (with_metadata('{"a\\u0000":""}'), FOUR),
    "a surrogate pair": (with_metadata('{"a":"\\ud83d\\ude00"}'), FOUR),
    "packed values that end on a byte": (entry('"F4"', "[2]", "[0,1]"), bytes(1)),
    "four six-bit values": (entry('"F6_E2M3"', "[4]", "[0,3]"), bytes(3)),
    "misaligned data": (
        f'{{"a":{{"dtype":"U8","shape":[2],"data_offsets":[0,2]}},"w":{W.replace("0,4", "2,6")}}}',
        bytes(6),
    ),
}

MALFORMED = {
    "an empty header": ("", b""),
    "no JSON": ("dtype", FOUR),
    "no object": ("[]", b""),
    "null": ("null", b""),
    "not UTF-8": (b'{"\xff":1}', b""),
    "a byte-order mark": (f"\ufeff{entry()}", FOUR),
    "a NUL after it": (f"{entry()}\0", FOUR),
    "a second value after it": (f"{entry()}{{}}", FOUR),
    "a trailing comma": (f'{{"w":{W},}}', FOUR),
    "a control character": ('{"a\x01":1}', b""),
    "NaN": (entry(more=',"x":NaN'), FOUR),
    "Infinity": (entry(more=',"x":-Infinity'), FOUR),
    "a number beyond float64": (entry(more=',"x":1e400'), FOUR),
    "an integer beyond float64": (entry(more=f',"x":{"1" * 400}'), FOUR),
    "an integer beyond Python's patience": (entry(more=f',"x":{"1" * 5000}'), FOUR),
    "nesting deeper than serde goes": (nested(126), FOUR),
    "nesting deeper than the stack": (nested(100_000), FOUR),
    "an unpaired surrogate in a name": (f'{{"\\ud800":{W}}}', FOUR),
    "an unpaired surrogate in metadata": (with_metadata('{"a":"\\ud800"}'), FOUR),
    "an unpaired surrogate deep inside": (entry(more=',"x":[["\\uDFFF"]]'), FOUR),
    "metadata that is a list": (with_metadata("[]"), FOUR),
    "metadata that is a number": (with_metadata('{"a":1}'), FOUR),
    "metadata that is nested": (with_metadata('{"a":{"b":"c"}}'), FOUR),
    "an entry that is a string": ('{"w":"F32"}', FOUR),
    "an entry without a shape": ('{"w":{"dtype":"F32","data_offsets":[0,4]}}', FOUR),
    "an unknown dtype": (entry('"F33"'), FOUR),
    "a dtype in lower case": (entry('"f32"'), FOUR),
    "a dtype that is a number": (entry("1"), FOUR),
    "a dtype that is a list": (entry('["F32"]'), FOUR),
    "a shape that is null": (entry(shape="null"), FOUR),
    "a negative length": (entry(shape="[-1]"), FOUR),
    "two negative lengths": (entry(shape="[-1,-1]"), FOUR),
    "minus zero": (entry(shape="[-0]", offsets="[0,0]"), b""),
    "a float length": (entry(shape="[1.0]"), FOUR),
    "a boolean length": (entry(shape="[true]"), FOUR),
    "a length beyond 64 bits": (entry(shape=f"[0,{2**64}]", offsets="[0,0]"), b""),
    "a product beyond 64 bits": (entry(shape=f"[{HUGE},4]"), FOUR),
    "a product that wraps to one value": (entry(shape=f"[{2**32 + 1},{2**32 - 1}]"), FOUR),
    "bytes beyond 64 bits": (entry(shape=f"[{2**63}]"), FOUR),
    "a product beyond 64 bits before a zero": (
        entry(shape=f"[{HUGE},{HUGE},0]", offsets="[0,0]"),
        b"",
    ),
    "more bytes than values": (entry(offsets="[0,8]"), bytes(8)),
    "fewer bytes than values": (entry(shape="[2]"), FOUR),
    "reversed offsets": (entry(offsets="[4,0]"), FOUR),
    "one offset": (entry(offsets="[4]"), FOUR),
    "three offsets": (entry(offsets="[0,4,4]"), FOUR),
    "a float offset": (entry(offsets="[0,4.0]"), FOUR),
    "a boolean offset": (entry(offsets="[false,4]"), FOUR),
    "packed values that end inside a byte": (entry('"F4"', "[1]", "[0,1]"), bytes(1)),
    "one six-bit value": (entry('"F6_E3M2"', "[1]", "[0,1]"), bytes(1)),
    "two tensors over one range": (another(0, 4), FOUR),
    "a partial overlap": (another(2, 6), bytes(6)),
    "a zero-size tensor inside another": (another(2, 2), FOUR),
    "a hole between tensors": (another(8, 12), bytes(12)),
    "a hole before the first": (entry(offsets="[4,8]"), bytes(8)),
    "a zero-size tensor beyond the end": (another(5, 5), FOUR),
    "bytes after the last tensor": (entry(), bytes(5)),
    "bytes without a tensor": ("{}", b"\0"),
}

DUPLICATES = {
    "a tensor twice": f'{{"w":{W},"w":{W}}}',
    "a tensor twice, once escaped": f'{{"w":{W},"\\u0077":{W}}}',
    "metadata twice": f'{{"__metadata__":{{}},"__metadata__":{{}},"w":{W}}}',
    "a metadata key twice": with_metadata('{"a":"b","a":"c"}'),
    "a field twice": entry(more=',"dtype":"F32"'),
    "an extra field twice": entry(more=',"x":1,"x":2'),
}


def reference_accepts(raw: bytes) -> bool:
    try:
        safetensors.deserialize(raw)
    except safetensors.SafetensorError:
        return False
    return True


@pytest.mark.parametrize(("code", "shape"), WRITABLE, ids=str)
def test_every_dtype_the_library_writes_is_read_at_its_place(
    code: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    dtype = DTYPES[code]
    width = max(1, dtype.itemsize)
    stored = torch.arange(int(np.prod(shape)) * width, dtype=torch.uint8) % 2
    values = stored.view(getattr(torch, dtype.torch)).reshape(shape)
    path = tmp_path / "w.safetensors"
    save_file({"w": values, "guard": torch.zeros(3, dtype=torch.uint8)}, path)
    _, tensors = read_shard(path)
    packing = 2 if dtype.is_packed else 1
    logical = (*shape[:-1], shape[-1] * packing) if shape else ()
    spec = tensors["w"].spec
    assert (spec.dtype, spec.shape) == (dtype, logical)
    begin = tensors["w"].offset
    assert path.read_bytes()[begin : begin + spec.nbytes] == bytes(stored.tolist())


@pytest.mark.parametrize("case", SOUND)
def test_what_the_rules_allow_is_read_as_the_reference_reads_it(
    case: str, raw_file: RawFile
) -> None:
    path = raw_file(*SOUND[case])
    _, tensors = read_shard(path)
    reference = {
        name: (info["dtype"], info["shape"], bytes(info["data"]))
        for name, info in safetensors.deserialize(path.read_bytes())
    }
    raw = path.read_bytes()
    ours = {
        name: (
            tensor.spec.dtype.code,
            list(tensor.spec.shape),
            raw[tensor.offset : tensor.offset + tensor.spec.nbytes],
        )
        for name, tensor in tensors.items()
    }
    assert ours == reference


@pytest.mark.parametrize("case", MALFORMED)
def test_what_the_rules_forbid_is_malformed_here_and_refused_by_the_reference(
    case: str, raw_file: RawFile
) -> None:
    path = raw_file(*MALFORMED[case])
    assert not reference_accepts(path.read_bytes())
    with pytest.raises(MalformedError) as caught:
        read_shard(path)
    assert str(path) in caught.value.where
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("case", DUPLICATES)
def test_a_duplicate_name_is_named_whatever_the_reference_says(
    case: str, raw_file: RawFile
) -> None:
    with pytest.raises(MalformedError, match=r"duplicate name (w|__metadata__|a|dtype|x)$"):
        read_shard(raw_file(DUPLICATES[case], FOUR))


@pytest.mark.parametrize("stand_in", ['["F32",[1],[0,4]]', W.replace('"F32"', '{"F32":null}')])
def test_what_only_the_references_deserialiser_tolerates_breaks_the_written_rules(
    stand_in: str, raw_file: RawFile
) -> None:
    path = raw_file(f'{{"w":{stand_in}}}', FOUR)
    assert reference_accepts(path.read_bytes())
    with pytest.raises(MalformedError):
        read_shard(path)


def test_half_a_million_huge_lengths_cost_no_more_than_a_few(raw_file: RawFile) -> None:
    lengths = ",".join([str(2**64 - 1)] * 500_000)
    with pytest.raises(MalformedError, match="overflows"):
        read_shard(raw_file(entry(shape=f"[{lengths}]"), FOUR))


def test_a_message_stays_short_whatever_the_shape(raw_file: RawFile) -> None:
    with pytest.raises(MalformedError) as caught:
        read_shard(raw_file(entry(shape=f"[{','.join('1' * 50_000)}]", offsets="[0,8]"), bytes(8)))
    assert len(caught.value.message) < 300


def test_tensors_come_in_the_order_of_their_bytes(raw_file: RawFile) -> None:
    first = '{"dtype":"F32","shape":[1],"data_offsets":[4,8]}'
    _, tensors = read_shard(raw_file(f'{{"late":{first},"early":{W}}}', bytes(8)))
    assert list(tensors) == ["early", "late"]


def test_an_absent_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        read_shard(tmp_path / "absent.safetensors")
