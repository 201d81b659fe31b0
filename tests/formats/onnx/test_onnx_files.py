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
from onnx import TensorProto, helper

from initcli.formats.detect import open_checkpoint
from initcli.formats.onnx.packed_numbers import unpacked
from onnx_bytes import external, message, model, number, tensor, varint
from shell import Run
from stored_bytes import bytes_of


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
