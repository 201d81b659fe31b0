"""One model in the forms that PyTorch and Python's own pickle write."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def write_torch(path: Path, arrays: Arrays) -> None:
    """Writes a state dict, as scripts keep it."""
    torch.save({"state_dict": _tensors(arrays), "epoch": 3}, path)


def write_turned(path: Path, arrays: Arrays) -> None:
    """Writes views whose values do not lie in their order."""
    torch.save({name: _turned(each) for name, each in _tensors(arrays).items()}, path)


def _turned(tensor: torch.Tensor) -> torch.Tensor:
    axes = tuple(reversed(range(tensor.dim())))
    return tensor.permute(axes).contiguous().permute(axes)


def write_packed(path: Path, arrays: Arrays) -> None:
    """Writes the archive as whoever packs it again does: deflated."""
    write_torch(path.with_name("unpacked"), arrays)
    with (
        zipfile.ZipFile(path.with_name("unpacked")) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    path.with_name("unpacked").unlink()


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Writes NumPy's arrays as model zoos do."""
    held = {name: np.array(each, order="F") for name, each in arrays.items()}
    path.write_bytes(pickle.dumps({"model": held, "author": "x"}, 5))


def _tensors(arrays: Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(each)) for name, each in arrays.items()}
