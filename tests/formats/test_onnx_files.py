"""ONNX models are read as their library writes them, and no file but those beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from attacked import failures_of
from initcli.commands.stats import stats
from initcli.core.errors import InitcliError
from initcli.formats.detect import open_checkpoint
from initcli.formats.packed_numbers import unpacked
from shell import Run
from stored_bytes import bytes_of

LARGE = [2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1]


def varint(number: int) -> bytes:
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def message(number: int, content: bytes, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return varint(number << 3 | 2) + varint(size) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def tensor(
    dims: bytes = number(1, 4),
    kind: int = 1,
    name: bytes = message(8, b"w"),
    data: bytes = message(9, bytes(16)),
) -> bytes:
    return dims + number(2, kind) + name + data


def model(*initializers: bytes, graphs: int = 1) -> bytes:
    graph = b"".join(message(5, each) for each in initializers)
    return number(1, 8) + message(7, graph) * graphs + message(8, number(2, 20))


def external(**told: str) -> bytes:
    entries = (message(1, key.encode()) + message(2, value.encode()) for key, value in told.items())
    return b"".join(message(13, entry) for entry in entries) + number(14, 1)


def save(path: Path, *tensors: TensorProto) -> None:
    onnx.save_model(helper.make_model(helper.make_graph([], "g", [], [], list(tensors))), path)


TYPES = [
    (TensorProto.BFLOAT16, ml_dtypes.bfloat16, "BF16"),
    (TensorProto.FLOAT8E4M3FN, ml_dtypes.float8_e4m3fn, "F8_E4M3"),
    (TensorProto.FLOAT8E4M3FNUZ, ml_dtypes.float8_e4m3fnuz, "F8_E4M3FNUZ"),
    (TensorProto.FLOAT8E5M2, ml_dtypes.float8_e5m2, "F8_E5M2"),
    (TensorProto.FLOAT8E5M2FNUZ, ml_dtypes.float8_e5m2fnuz, "F8_E5M2FNUZ"),
]


@pytest.mark.parametrize(("number", "dtype", "code"), TYPES)
def test_the_types_that_numpy_lacks_are_read(
    number: int,
    dtype: Any,  # noqa: ANN401 - ml_dtypes' dtypes have no type of their own
    code: str,
    tmp_path: Path,
) -> None:
    values = np.arange(12).astype(dtype).reshape(3, 4)
    save(tmp_path / "a", helper.make_tensor("w", number, (3, 4), values.tobytes(), raw=True))
    opened = open_checkpoint(tmp_path / "a").tensors["w"]
    assert (opened.spec.dtype.code, opened.spec.shape) == (code, (3, 4))
    assert bytes_of(opened) == values.tobytes()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40))
def test_packed_numbers_are_unpacked(numbers: list[int]) -> None:
    raw = np.frombuffer(b"".join(map(varint, numbers)), np.uint8)
    values = unpacked(raw)
    assert values is not None
    assert values.tolist() == numbers


def test_values_in_several_stretches_are_joined(tmp_path: Path) -> None:
    first, second = (np.arange(n, n + 2, dtype="<f4").tobytes() for n in (0, 2))
    data = message(4, first) + message(4, second)
    (tmp_path / "a").write_bytes(model(tensor(data=data)))
    assert bytes_of(open_checkpoint(tmp_path / "a").tensors["w"]) == first + second


def test_nibbles_are_listed_as_not_checked(run: Run, tmp_path: Path) -> None:
    save(tmp_path / "a", helper.make_tensor("w", TensorProto.INT4, (4,), b"\1\2", raw=True))
    done = run("stats", "a")
    assert done.returncode == 0, done.stderr
    assert "IC901  w: not checked: I4 values are not decoded" in done.stdout


def test_values_beside_the_model_are_read_from_their_file(run: Run, tmp_path: Path) -> None:
    values = np.arange(8, dtype="<f4")
    (tmp_path / "data").write_bytes(bytes(5) + values.tobytes())
    told = external(location="data", offset="5", length="32")
    (tmp_path / "a").write_bytes(model(tensor(number(1, 8), data=told)))
    opened = open_checkpoint(tmp_path / "a")
    assert bytes_of(opened.tensors["w"]) == values.tobytes()
    assert [shard.path.name for shard in opened.shards] == ["a", "data"]
    (tmp_path / "data").unlink()
    assert run("stats", "a").returncode == 2


OUTSIDE = ["../secret", "/etc/passwd", "a/../../secret", "C:\\secret", "\\\\host\\x", "", ".", ".."]


@pytest.mark.parametrize("location", [*OUTSIDE, "file:///etc/passwd", "a\0b", "x" * 70_000])
def test_no_file_elsewhere_is_read(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(16))
    (tmp_path / "model").mkdir()
    told = external(location=location)
    (tmp_path / "model" / "a").write_bytes(model(tensor(data=told)))
    assert failures_of(tmp_path / "model" / "a")


HOSTILE = {
    "no graph": model(graphs=0),
    "two graphs": model(tensor(), graphs=2),
    "two tensors of one name": model(tensor(), tensor()),
    "a text tensor": model(tensor(kind=8, data=message(6, b"a"))),
    "a type that is none": model(tensor(kind=99)),
    "a segment": model(tensor() + message(3, b"")),
    "values twice": model(tensor(data=message(9, bytes(16)) + message(4, bytes(16)))),
    "values one by one": model(tensor(data=(b"\x25" + bytes(4)) * 4)),
    "values too few": model(tensor(data=message(9, bytes(15)))),
    "values too many": model(tensor(data=message(4, bytes(20)))),
    "no values": model(tensor(data=b"")),
    "packed numbers too few": model(tensor(kind=7, data=message(7, b"\1\2\3"))),
    "packed numbers without end": model(tensor(kind=7, data=message(7, b"\xff" * 40))),
    "a packed number cut": model(tensor(kind=7, data=message(7, b"\1\2\3\x80"))),
    "65 dimensions": model(tensor(number(1, 1) * 65)),
    "a million dimensions": model(tensor(message(1, b"\1" * 1_000_000))),
    "a name that is not UTF-8": model(tensor(name=message(8, b"\xff"))),
    "a name of a megabyte": model(tensor(name=message(8, b"x" * 1_000_000))),
    **{f"a length of {n}": model(tensor(number(1, n))) for n in LARGE},
    **{f"lengths of {n}": model(tensor(number(1, n) * 4)) for n in (2**16, 2**32)},
    **{f"a tensor of {n} bytes": number(1, 8) + message(7, message(5, b"x", n)) for n in LARGE},
    **{f"a graph of {n} bytes": number(1, 8) + message(7, b"x", n) for n in LARGE},
    **{f"values of {n} bytes": model(tensor(data=message(9, bytes(16), n))) for n in LARGE},
    **{
        f"an offset of {text[:9]}": model(tensor(data=external(location="a", offset=text)))
        for text in ("-1", "1e3", "\u0662", "9" * 5000, "1000000", str(2**64))
    },
    "a length that is another": model(tensor(data=external(location="a", length="15"))),
    "a file that is absent": model(tensor(data=external(location="absent"))),
    "a wire type that is none": number(1, 8) + b"\x3b",
    "a field number of zero": number(1, 8) + b"\x3a\x02\x00\x00",
    "a number without end": number(1, 8) + b"\x3a" + b"\xff" * 20,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_lies_is_refused(case: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(HOSTILE[case])
    assert failures_of(tmp_path / "a")


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    values = numpy_helper.from_array(np.arange(40, dtype="f4"), "w")
    save(tmp_path / "sound", values, helper.make_tensor("b", TensorProto.INT64, (3,), [1, 2, 300]))
    raw = (tmp_path / "sound").read_bytes()
    # Behind the graph stands which operators it uses, which nothing here reads.
    graph_end = len(raw) - len(message(8, message(1, b"") + number(2, 99)))
    for length in range(graph_end):
        (tmp_path / "a").write_bytes(raw[:length])
        assert failures_of(tmp_path / "a", hashes=False), length


def test_a_changed_byte_is_refused_or_read(tmp_path: Path) -> None:
    raw = model(tensor(), tensor(kind=7, name=message(8, b"v"), data=message(7, b"\1\2\3\4")))
    for at in range(len(raw)):
        for flip in (1, 0x80, 0xFF):
            broken = bytearray(raw)
            broken[at] ^= flip
            (tmp_path / "a").write_bytes(broken)
            failures_of(tmp_path / "a", hashes=False)


def test_no_message_is_long(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(model(tensor(name=message(8, b"x" * 60_000), kind=99)))
    with pytest.raises(InitcliError) as caught:
        stats(tmp_path / "a")
    assert len(caught.value.message) < 300
