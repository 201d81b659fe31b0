"""Reads tensors again for what their schemes' values owe to their place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from initcli.core.progress import SILENT, Progress
from initcli.engine.draw import draw_blocks
from initcli.engine.local import borrow
from initcli.engine.orthogonality import angles
from initcli.engine.plan import Piece, chunks, in_file_order
from initcli.engine.spectra import rows_of
from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor
from initcli.formats.storage.reading import Reader, open_shard
from initcli.models.torch_bytes import chunks_of
from initcli.schemes.law import Fixed, Law
from initcli.schemes.registry import Draw, Grain
from initcli.schemes.structure import CentralIsometry, Isometry, Orthogonal, ZeroRun, ZerosPerColumn
from initcli.statistics.decode import Array
from initcli.statistics.gram import BLOCK_BYTES, NotFiniteError, ReadRows
from initcli.statistics.lanczos import NotConvergedError
from initcli.statistics.lines import MOST_COLUMNS
from initcli.statistics.spectrum import distance_from_isometry
from initcli.statistics.strays import Strays, strays
from initcli.theory.structure import (
    Angles,
    Distances,
    Measured,
    Unmeasured,
    ZeroCounts,
    central_tap,
    sides_of,
)

# What a pattern may take that is drawn whole, for which nothing else bounds memory.
MOST_DRAWN = 1 << 30
_FLOAT32 = 4


def has_structure(law: Law) -> bool:
    """Whether a law says more of a tensor than which values it holds, and how often."""
    return law.structure is not None or (law.fixed is Fixed.EVERYTHING and law.variance > 0)


def structures(
    checkpoint: Checkpoint, draws: Mapping[str, Draw], progress: Progress = SILENT
) -> Iterator[tuple[str, Measured]]:
    """Yields what is found of the structure of every tensor that is expected to have one.

    A pattern is drawn and compared value by value; where it can only be drawn whole, it takes
    four bytes a value, and is not where those exceed `MOST_DRAWN`. Of an isometry, and of rows
    that are but orthogonal once brought to one norm, the distance from one is measured, for which
    the Gram matrix is computed: as long, and as much memory, as `initcli.statistics.spectrum`
    says. Of a matrix with zeros those in each column are counted.

    Args:
        checkpoint: What to read.
        draws: How tensors of real floats are expected to have been drawn, by name; their laws
            have structure.
        progress: Told of every tensor read.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    chosen = in_file_order(checkpoint.tensors[name] for name in draws)
    if chosen:
        progress.start(sum(tensor.spec.nbytes for tensor in chosen))
    for tensor in chosen:
        with open_shard(tensor.shard) as reader:
            yield tensor.spec.name, _measured(tensor, reader, draws[tensor.spec.name])
        progress.advance(tensor.spec.nbytes)


def _measured(tensor: StoredTensor, reader: Reader, draw: Draw) -> Measured:
    structure = draw.law.structure
    if structure is None:
        return _strays(tensor, reader, draw)
    if isinstance(structure, ZeroRun):
        return _run(tensor, reader, structure)
    if isinstance(structure, ZerosPerColumn):
        return _zeros(tensor, reader)
    if isinstance(structure, CentralIsometry):
        around = _around_centre(tensor, reader)
        if around.count:
            return around
    try:
        return _of_gram(tensor, reader, structure)
    except (NotFiniteError, NotConvergedError) as error:
        return Unmeasured(str(error))


def _of_gram(
    tensor: StoredTensor, reader: Reader, structure: Isometry | CentralIsometry | Orthogonal
) -> Distances | Angles:
    if isinstance(structure, Orthogonal):
        return angles(tensor, reader, structure)
    return _distances(tensor, reader, structure)


def _strays(tensor: StoredTensor, reader: Reader, draw: Draw) -> Strays | Unmeasured:
    spec = tensor.spec
    if draw.grain is Grain.WHOLE and spec.parameters * (_FLOAT32 + draw.held) > MOST_DRAWN:
        return Unmeasured(f"to draw its pattern takes more than {MOST_DRAWN >> 20:,} MiB")
    found, at = Strays(), 0
    for block in draw_blocks(draw, spec.shape, 0, spec.name):
        for drawn in chunks_of(block, spec.dtype):
            stored = borrow(0, len(drawn))
            reader.read(tensor.offset + at * spec.dtype.itemsize, stored)
            found += strays(stored, drawn, spec.dtype, at, draw.law.slack)
            at += len(drawn) // spec.dtype.itemsize
    return found


def _run(tensor: StoredTensor, reader: Reader, run: ZeroRun) -> Strays:
    """Finds what is not zero of consecutive values that should be."""
    piece, found = Piece(tensor, run.first, run.count), Strays()
    for chunk in chunks(piece):
        stored = borrow(0, chunk.nbytes)
        reader.read(chunk.offset, stored)
        zeros = memoryview(bytes(chunk.nbytes))
        found += strays(stored, zeros, tensor.spec.dtype, chunk.first)
    return found


def _around_centre(tensor: StoredTensor, reader: Reader) -> Strays:
    """Finds what is not zero beside the central taps."""
    rows, taps = tensor.spec.shape[0], math.prod(tensor.spec.shape[2:])
    read, length = rows_of(tensor, reader), math.prod(tensor.spec.shape[1:])
    step, found = max(1, BLOCK_BYTES // (8 * length)), Strays()
    for first in range(0, rows, step):
        values = read(first, min(step, rows - first)).reshape(-1, taps).copy()
        values[:, central_tap(tensor.spec.shape)] = 0
        off = np.flatnonzero(values)  # NaN is not zero either
        if off.size:
            at = int(off[0])
            found += Strays(off.size, first * length + at, float(values.flat[at]))
    return found


def _distances(
    tensor: StoredTensor, reader: Reader, structure: Isometry | CentralIsometry
) -> Distances:
    sides = sides_of(structure, tensor.spec.shape)
    if isinstance(structure, CentralIsometry):
        parts = [_central_rows(tensor, reader)]
    else:
        starts = range(0, tensor.spec.parameters // sides[1], sides[0])
        parts = [rows_of(tensor, reader, start, sides[1]) for start in starts]
    return Distances(tuple(distance_from_isometry(read, sides, structure.gain) for read in parts))


def _central_rows(tensor: StoredTensor, reader: Reader) -> ReadRows:
    """Returns what reads rows of the matrix that the central taps of a kernel make."""
    read, shape = rows_of(tensor, reader), tensor.spec.shape

    def central(first: int, count: int) -> Array:
        taps = read(first, count).reshape(count, shape[1], -1)
        return np.ascontiguousarray(taps[:, :, central_tap(shape)])

    return central


def _zeros(tensor: StoredTensor, reader: Reader) -> ZeroCounts | Unmeasured:
    rows, columns = tensor.spec.shape[0], math.prod(tensor.spec.shape[1:])
    if columns > MOST_COLUMNS:
        return Unmeasured(f"{columns:,} columns are more than the {MOST_COLUMNS:,} looked at")
    read, step = rows_of(tensor, reader), max(1, BLOCK_BYTES // (8 * columns))
    counts = np.zeros(columns, np.int64)
    for first in range(0, rows, step):
        counts += np.count_nonzero(read(first, min(step, rows - first)) == 0, axis=0)
    return ZeroCounts(counts)
