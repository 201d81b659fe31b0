"""NumPy arrays in pickles have the values that NumPy loads, whatever the protocol wrote."""

from __future__ import annotations

import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from initcli.core.errors import MalformedError, UnknownFormatError
from initcli.formats.detect import open_checkpoint
from stored_bytes import contents_of
from torch_files import LAYOUTS, saved

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
DTYPES = {
    "?": "BOOL",
    "i1": "I8",
    "u2": "U16",
    "i8": "I64",
    "f2": "F16",
    "f4": "F32",
    "f8": "F64",
    "c8": "C64",
}

Contents = dict[str, tuple[str, tuple[int, ...], bytes]]


def expected(arrays: dict[str, NDArray[np.generic]]) -> Contents:
    """Returns what NumPy says of arrays, little-endian and row-major."""
    return {
        name: (
            DTYPES[array.dtype.str.lstrip("<>|")] if array.dtype.kind != "b" else "BOOL",
            array.shape,
            array.astype(array.dtype.newbyteorder("<")).tobytes(),
        )
        for name, array in arrays.items()
    }


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[np.generic]:
    code = draw(st.sampled_from(list(DTYPES)))
    order = draw(st.sampled_from("<>")) if code not in {"?", "i1"} else ""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
    seed = draw(st.integers(0, 2**32 - 1))
    raw = np.random.default_rng(seed).integers(0, 2, (*shape, np.dtype(code).itemsize), np.uint8)
    array = raw.view(order + code)[..., 0] if shape else raw.view(order + code)[0]
    array = np.asarray(array)
    return draw(st.sampled_from([np.ascontiguousarray, np.asfortranarray, np.transpose]))(array)


@given(st.lists(arrays(), min_size=1, max_size=4), st.sampled_from(PROTOCOLS), st.booleans())
def test_every_array(held: list[NDArray[np.generic]], protocol: int, is_torch: bool) -> None:
    named = {f"a{number}": array for number, array in enumerate(held)}
    with TemporaryDirectory() as directory:
        path = Path(directory) / "w"
        if is_torch:
            saved(path, named, pickle_protocol=protocol)
        else:
            path.write_bytes(pickle.dumps(named, protocol))
        opened = open_checkpoint(path)
        assert {**opened.tensors, **opened.ties}.keys() == named.keys()
        assert contents_of(opened) == expected(named)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_lie_beside_tensors(layout: str, tmp_path: Path) -> None:
    wide = np.random.default_rng(0).normal(size=(300, 70))
    state = {"model": {"w": torch.ones(3)}, "mean": wide, "of objects": np.array([1, {"a": wide}])}
    opened = open_checkpoint(saved(tmp_path / "w", state, layout))
    assert list(opened.tensors) == ["w", "mean"]
    assert opened.ties == {"of objects.1.a": "mean"}
    assert contents_of(opened)["mean"] == ("F64", (300, 70), wide.tobytes())
    assert not opened.unread


def test_large_arrays_are_left_where_they_lie(tmp_path: Path) -> None:
    wide = np.zeros(40 << 20)  # more than a pickle may take of memory
    with (tmp_path / "w").open("wb") as file:
        pickle.dump({"model": {"wide": wide, "last": np.ones(3)}}, file, 4)
    opened = open_checkpoint(tmp_path / "w")
    assert {name: each.spec.shape for name, each in opened.tensors.items()} == {
        "wide": wide.shape,
        "last": (3,),
    }
    assert opened.tensors["wide"].offset + wide.nbytes < opened.shards[0].size


def test_what_is_not_understood_is_told(tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    state = {
        "w": np.ones(3, np.float32),
        "text": np.array(["a"]),
        "half": np.ones(2, ml_dtypes.bfloat16),
        "record": np.zeros(2, [("x", "f4")]),
        "masked": np.ma.array([1.0, 2.0], mask=[0, 1]),
    }
    (tmp_path / "w").write_bytes(pickle.dumps(state))
    opened = open_checkpoint(tmp_path / "w")
    decoded = {name: each.spec.dtype.is_decoded for name, each in opened.tensors.items()}
    assert decoded == {"w": True, "text": False, "record": False}
    assert opened.unread == {
        "half": "a NumPy array of a dtype that is not known",
        "masked": "a masked NumPy array",
    }


def made(**changed: object) -> bytes:
    """Returns a pickle of an array that tells other things of itself than it should."""

    class Lie:
        def __reduce__(self) -> tuple[object, ...]:
            rebuild, arguments, state = np.ones((2, 3), np.float32).__reduce__()
            keys = ("version", "shape", "dtype", "order", "values")
            told = dict(zip(keys, state, strict=True)) | changed
            return rebuild, arguments, tuple(told.values())

    return pickle.dumps({"a": Lie(), "b": np.ones(3)})


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (made(shape=(2, 4)), "24 bytes, which is not what its shape takes"),
        (made(shape=(2**62, 2**62)), "product overflows"),
        (made(shape=(-2, -3)), "no natural number"),
        (made(shape=(2.0, 3)), "no natural number"),
        (made(shape=[2, 3]), "a shape that is none"),
        (made(shape=(1,) * 65), "a shape that is none"),
        (made(values=b""), "0 bytes, which is not"),
        (made(values=None), "values are no bytes"),
        (made(extra=1), "without its state"),
    ],
)
def test_an_array_that_makes_no_sense_is_malformed(
    raw: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "w").write_bytes(raw)
    with pytest.raises(MalformedError, match=message):
        open_checkpoint(tmp_path / "w")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3}, "neither tensors nor arrays"),
        ({"model": {"w": torch.ones(3)}}, "pickled by Python and not saved by PyTorch"),
    ],
)
def test_a_pickle_of_which_nothing_can_be_read_is_refused(
    content: object, message: str, tmp_path: Path
) -> None:
    (tmp_path / "w").write_bytes(pickle.dumps(content))
    with pytest.raises(UnknownFormatError, match=message):
        open_checkpoint(tmp_path / "w")


def test_a_pickle_that_is_cut_inside_an_array_is_malformed(tmp_path: Path) -> None:
    raw = pickle.dumps({"a": np.ones(3), "w": np.zeros(5_000)}, 4)
    for kept in range(20, len(raw), 1_999):
        (tmp_path / "w").write_bytes(raw[:kept])
        with pytest.raises(MalformedError):
            open_checkpoint(tmp_path / "w")
