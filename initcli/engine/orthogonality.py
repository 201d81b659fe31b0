"""Measures how far rows or columns of any norm are from being orthogonal, run by run."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np

from initcli.engine.spectra import rows_of
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import Reader
from initcli.schemes.structure import Orthogonal
from initcli.statistics.decode import Array
from initcli.statistics.gram import BLOCK_BYTES, ReadRows
from initcli.statistics.spectrum import distance_from_isometry
from initcli.theory.structure import Angles


def angles(tensor: StoredTensor, reader: Reader, structure: Orthogonal) -> Angles:
    """Returns the distance from an isometry of every run of a matrix, its lines brought to norm 1.

    Rows are read once for their norms and once a run, all of them where runs are of columns.

    Args:
        tensor: A matrix of real floats whose rows end on whole bytes.
        reader: Of its shard.
        structure: Its runs.

    Raises:
        NotFiniteError: A value is NaN or infinite.
        NotConvergedError: A distance was not found to a few digits.
    """
    read, shape = rows_of(tensor, reader), tensor.spec.shape
    norms = _norms(read, (shape[0], shape[1]), structure.axis)
    scales = np.where(norms == 0, 1, norms)
    ends = pairwise(accumulate(structure.runs, initial=0))
    distances = (
        distance_from_isometry(
            _run(read, scales, first, last, structure.axis),
            (last - first, shape[1]) if structure.axis == 0 else (shape[0], last - first),
            1.0,
        )
        for first, last in ends
    )
    return Angles(tuple(distances), float(norms.min(where=norms > 0, initial=np.inf)))


def _norms(read: ReadRows, shape: tuple[int, int], axis: int) -> Array:
    """Returns the norm of every row, axis 0, or column, axis 1."""
    squares, step = np.zeros(shape[axis]), max(1, BLOCK_BYTES // (8 * shape[1]))
    for first in range(0, shape[0], step):
        rows = slice(first, min(first + step, shape[0]))
        block = np.asarray(read(first, rows.stop - first), np.float64) ** 2
        squares[rows if axis == 0 else slice(None)] += block.sum(axis=1 - axis)
    return np.sqrt(squares)


def _run(read: ReadRows, scales: Array, start: int, end: int, axis: int) -> ReadRows:
    """Returns what reads rows of a run, which is a matrix of its own, each line of norm 1."""

    def rows(first: int, count: int) -> Array:
        values = read(start + first, count)
        own = scales[start + first : start + first + count, None]
        return np.asarray(values / own, values.dtype)

    def columns(first: int, count: int) -> Array:
        values = read(first, count)[:, start:end]
        return np.asarray(values / scales[start:end], values.dtype)

    return rows if axis == 0 else columns
