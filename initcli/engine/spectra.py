"""Computes the spectra of a checkpoint's matrices, whose rows are read as often as it takes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import numpy as np

from initcli.core.dtypes import BYTE
from initcli.core.progress import SILENT, Progress
from initcli.core.tensor import TensorSpec
from initcli.engine.plan import Piece, in_file_order
from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor
from initcli.formats.storage.reading import Reader, open_shard
from initcli.statistics.decode import Array, values_of
from initcli.statistics.gram import ReadRows
from initcli.statistics.spectrum import Spectrum, spectrum


def spectra(
    checkpoint: Checkpoint, names: Collection[str], progress: Progress = SILENT
) -> Iterator[tuple[str, Spectrum]]:
    """Yields the spectrum of every chosen tensor that is a matrix of real floats.

    Further dimensions count with the second, as the taps of a convolution do.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    chosen = (checkpoint.tensors[name] for name in names)
    matrices = [tensor for tensor in in_file_order(chosen) if not cannot_span(tensor.spec)]
    progress.start(sum(tensor.spec.nbytes for tensor in matrices))
    for tensor in matrices:
        with open_shard(tensor.shard) as reader:
            yield tensor.spec.name, _spectrum(tensor, reader)
        progress.advance(tensor.spec.nbytes)


def cannot_span(spec: TensorSpec) -> str:
    """Returns why a tensor has no spectrum that is computed here; empty if it has."""
    if not spec.is_matrix:
        return "it is no matrix"
    if not spec.dtype.is_float or not spec.dtype.is_decoded:
        return f"of {spec.dtype.code} values it is not computed"
    return ""


def _spectrum(tensor: StoredTensor, reader: Reader) -> Spectrum:
    rows, columns = tensor.spec.shape[0], math.prod(tensor.spec.shape[1:])
    if columns * tensor.spec.dtype.bits % BYTE:
        return Spectrum(reason="its rows do not end on whole bytes")
    return spectrum(rows_of(tensor, reader), (rows, columns))


def rows_of(
    tensor: StoredTensor, reader: Reader, start: int = 0, columns: int | None = None
) -> ReadRows:
    """Returns what reads rows of a tensor of real floats as float32, or float64 where it is so.

    Args:
        tensor: Its further dimensions count with the second; rows must end on whole bytes.
        reader: Of its shard.
        start: Which row counts as the first.
        columns: How long rows are, where a tensor holds several matrices.
    """
    length = columns or math.prod(tensor.spec.shape[1:])

    def read_rows(first: int, count: int) -> Array:
        piece = Piece(tensor, (start + first) * length, count * length)
        raw = memoryview(bytearray(piece.nbytes))
        reader.read(piece.offset, raw)
        values = values_of(raw, tensor.spec.dtype)
        wide = np.float64 if tensor.spec.dtype.code == "F64" else np.float32
        with np.errstate(invalid="ignore"):  # a signalling NaN warns when it is converted
            return values.astype(wide).reshape(count, length)

    return read_rows
