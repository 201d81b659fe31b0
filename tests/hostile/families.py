"""Every family of hostile files; the first of each is sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archives import hostile_archives
from cases import Case
from dcp_files import hostile_dcp
from gguf_files import hostile_gguf
from hdf5_files import hostile_hdf5
from headers import hostile_headers
from indexes import hostile_indexes
from numpy_files import hostile_numpy
from onnx_files import hostile_onnx
from special import hostile_paths

FAMILIES: dict[str, Callable[[], Iterator[Case]]] = {
    "safetensors": hostile_headers,
    "index": hostile_indexes,
    "special files": hostile_paths,
    "PyTorch": hostile_archives,
    "distributed": hostile_dcp,
    "GGUF": hostile_gguf,
    "NumPy": hostile_numpy,
    "HDF5": hostile_hdf5,
    "ONNX": hostile_onnx,
}
