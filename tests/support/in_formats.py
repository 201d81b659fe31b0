"""One model, written in every format by the library that defines it."""

from __future__ import annotations

import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFEndian, GGUFWriter
from numpy.typing import NDArray
from safetensors.numpy import save_file

from in_torch import write_arrays, write_packed, write_torch, write_turned
from shell import Run

_SHAPES = [(), (1,), (7,), (5, 3), (40, 30), (2, 3, 4), (2, 3, 2, 5), (0, 3), (300, 257)]

Arrays = Mapping[str, NDArray[Any]]
Write = Callable[[Path, Arrays], object]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write arrays to a path.

    Attributes:
        write: Does it.
        dtypes: The NumPy dtypes that it holds.
        dimensions: How many an array may have.
        is_empty_held: Whether it holds arrays of no values.
    """

    write: Write
    dtypes: str
    dimensions: range = range(5)
    is_empty_held: bool = True


def _foreign(array: NDArray[Any]) -> NDArray[Any]:
    """Returns the same values big-endian and, beyond one dimension, in Fortran order."""
    swapped = array.astype(array.dtype.newbyteorder(">"))
    return np.asfortranarray(swapped).reshape(array.shape, order="F")


def _npz(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _npz_deflated(path: Path, arrays: Arrays) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _npz_foreign(path: Path, arrays: Arrays) -> None:
    _npz(path, {name: _foreign(array) for name, array in arrays.items()})


def _npz_foreign_deflated(path: Path, arrays: Arrays) -> None:
    _npz_deflated(path, {name: _foreign(array) for name, array in arrays.items()})


def _gguf(path: Path, arrays: Arrays, order: GGUFEndian = GGUFEndian.LITTLE) -> None:
    writer = GGUFWriter(path, "llama", endianess=order)
    for name, array in arrays.items():
        writer.add_tensor(name, array.copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _dcp(path: Path, arrays: Arrays) -> None:
    import torch
    import torch.distributed.checkpoint as dcp

    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of there being no other process
        dcp.save(tensors, checkpoint_id=path, no_dist=True)


def _h5(path: Path, arrays: Arrays, version: str = "earliest", **settings: object) -> None:
    import h5py

    with h5py.File(path, "w", libver=version) as file:
        for name, array in arrays.items():
            is_cut = settings and array.ndim and array.size
            chunks = tuple(-(-length // 3) for length in array.shape) if is_cut else None
            file.create_dataset(name, data=array, chunks=chunks, **settings if is_cut else {})


def _h5_big(path: Path, arrays: Arrays) -> None:
    swapped = {name: each.astype(each.dtype.newbyteorder(">")) for name, each in arrays.items()}
    _h5(path, swapped, "latest", compression="gzip", shuffle=True)


def _keras(path: Path, arrays: Arrays, method: int = zipfile.ZIP_STORED) -> None:
    """Writes the archive that Keras writes, whose weights h5py does."""
    with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(path, "w", method) as archive:
        _h5(Path(directory, "model.weights.h5"), arrays)
        archive.writestr("config.json", "{}")
        archive.write(Path(directory, "model.weights.h5"), "model.weights.h5")


def _onnx(path: Path, arrays: Arrays, **settings: Any) -> None:  # noqa: ANN401 - those of onnx
    import onnx

    tensors = [onnx.numpy_helper.from_array(np.array(each), name) for name, each in arrays.items()]
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], tensors))
    onnx.save_model(model, path, **settings)


def _onnx_typed(path: Path, arrays: Arrays) -> None:
    """Writes values as fields of the message, each in as many bytes as it needs."""
    import onnx

    tensors = [
        onnx.helper.make_tensor(
            name, onnx.helper.np_dtype_to_tensor_dtype(each.dtype), each.shape, each.flatten()
        )
        for name, each in arrays.items()
    ]
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], tensors))
    onnx.save_model(model, path)


_beside = {"save_as_external_data": True, "location": "data", "size_threshold": 0}
_h5_cut = partial(_h5, compression="gzip", shuffle=True, fletcher32=True)
_gguf_big = partial(_gguf, order=GGUFEndian.BIG)
_GGUF = "i1 i2 i4 i8 f2 f4 f8"
_NUMPY = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8"

FORMATS = {
    "pt": Format(write_torch, _NUMPY),
    "pt of views": Format(write_turned, _NUMPY),
    "pt deflated": Format(write_packed, _NUMPY),
    "pkl": Format(write_arrays, _NUMPY),
    "npz": Format(_npz, _NUMPY),
    "npz deflated": Format(_npz_deflated, _NUMPY),
    "npz big-endian Fortran": Format(_npz_foreign, _NUMPY),
    "npz big-endian Fortran deflated": Format(_npz_foreign_deflated, _NUMPY),
    "dcp": Format(_dcp, _NUMPY),
    "h5": Format(_h5, _NUMPY),
    "h5 in filtered chunks": Format(_h5_cut, _NUMPY),
    "h5 big-endian": Format(_h5_big, _NUMPY),
    "keras": Format(_keras, _NUMPY),
    "keras deflated": Format(partial(_keras, method=zipfile.ZIP_DEFLATED), _NUMPY),
    "onnx": Format(_onnx, _NUMPY),
    "onnx with typed fields": Format(_onnx_typed, _NUMPY),
    "onnx with external data": Format(partial(_onnx, **_beside), _NUMPY),
    "gguf": Format(_gguf, _GGUF, range(1, 5), is_empty_held=False),
    "gguf big-endian": Format(_gguf_big, _GGUF, range(1, 5), is_empty_held=False),
}


def write_safetensors(path: Path, arrays: Arrays) -> None:
    """Writes what the other formats are held against."""
    save_file(
        {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()},
        path,
    )


def model(form: Format, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Returns a model of all dtypes, shapes and kinds of values that a format holds."""
    generator = np.random.default_rng(seed)
    arrays = {"block.odd": np.array([np.nan, np.inf, -np.inf, -0.0, 1e-42, 0.0, 3.4e38], "f4")}
    for code, shape in product(form.dtypes.split(), _SHAPES):
        if len(shape) in form.dimensions and (form.is_empty_held or 0 not in shape):
            name = f"block.{np.dtype(code).name}.{'x'.join(map(str, shape)) or 'scalar'}"
            arrays[name] = _values(generator.normal(0, 40, shape), code)
    return arrays


def _values(drawn: NDArray[Any], code: str) -> NDArray[Any]:
    if code == "?":
        return np.asarray(drawn > 0)
    # Of negative floats cast to unsigned integers nothing is said; through integers they wrap.
    is_unsigned = code.startswith("u")
    return np.asarray(drawn).astype("i8" if is_unsigned else code).astype(code)


def rows_of(run: Run, path: Path) -> dict[str, dict[str, Any]]:
    """Returns what `stats` measures of each tensor of a checkpoint, digests included, by name."""
    done = run("stats", path, "--hash", "--rows", "--fail-on", "never", "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["tensors"]
    assert all(row.pop("checkpoint") for row in rows)
    return {row["name"]: row for row in rows}
