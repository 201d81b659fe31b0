"""ONNX models are read as their library writes them, and no file but those beside them."""

from __future__ import annotations

import json
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


def test_values_in_a_directory_beside_the_model_are_read(tmp_path: Path) -> None:
    (tmp_path / "model" / "data").mkdir(parents=True)
    model_ = helper.make_model(
        helper.make_graph(
            [], "g", [], [], [onnx.numpy_helper.from_array(np.arange(6, dtype="f4"), "w")]
        )
    )
    told = {"save_as_external_data": True, "location": "data/w.bin", "size_threshold": 0}
    onnx.save_model(model_, str(tmp_path / "model" / "a.onnx"), **told)
    expected = onnx.numpy_helper.to_array(
        onnx.load(tmp_path / "model" / "a.onnx").graph.initializer[0]
    )
    opened = open_checkpoint(tmp_path / "model" / "a.onnx").tensors["w"]
    assert bytes_of(opened) == expected.tobytes()
    assert opened.shard.path.name == "w.bin"


def test_a_directory_that_leads_out_is_not_read(run: Run, tmp_path: Path) -> None:
    for name in ("model", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere" / "w").write_bytes(bytes(16))
    (tmp_path / "model" / "data").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "model" / "a").write_bytes(model(tensor(data=external(location="data/w"))))
    done = run("stats", "model/a")
    assert done.returncode == 2
    assert "by a link that leads elsewhere" in done.stderr


def test_what_has_no_place_is_told_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(model(tensor(data=external(offset="0"))))
    assert "in another file, which is not named" in run("stats", "a").stderr


def test_values_that_are_no_initialisers_are_listed_as_unread(run: Run, tmp_path: Path) -> None:
    array, values = onnx.numpy_helper.from_array, np.ones((2, 2), "f4")
    constant = helper.make_node("Constant", [], ["k"], value=array(values))
    output = [helper.make_tensor_value_info("o", TensorProto.FLOAT, [2, 2])]
    body = helper.make_graph(
        [helper.make_node("Identity", ["inner"], ["o"])], "s", [], output, [array(values, "inner")]
    )
    branches = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("sparse", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("i", TensorProto.INT64, [1], [0]),
        [4],
    )
    text = helper.make_tensor("text", TensorProto.STRING, [1], [b"a"])
    graph = helper.make_graph(
        [constant, branches], "g", [], [], [array(values, "w"), text], sparse_initializer=[sparse]
    )
    shape = helper.make_node("Constant", [], ["shape"], value=array(np.array([2, 2])))
    graph.node.append(shape)  # no weight, and so not listed
    of_function = helper.make_node("Constant", [], ["f"], value=array(values))
    opsets = [helper.make_opsetid("", 18)]
    function = helper.make_function("own", "F", [], ["f"], [of_function], opsets)
    onnx.save_model(helper.make_model(graph, functions=[function]), tmp_path / "a")
    done = run("stats", "a", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["findings"]
    unread = {each["tensor"] for each in found if each["code"] == "IC908"}
    assert unread == {"k", "inner", "sparse", "text", "f"}
    assert run("stats", "a", "--strict").returncode == 1


def test_absent_data_are_told_with_their_tensor(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(model(tensor(data=external(location="gone"))))
    done = run("stats", "a")
    assert done.returncode == 2
    assert "external data in gone: no such file or directory" in done.stderr
    assert "where: a, tensor w" in done.stderr
