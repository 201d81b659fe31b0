"""Values as they are held against laws: drawn, stored by torch's own casts, and counted."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from initcli.core.dtypes import DTYPES
from initcli.schemes.law import Law
from initcli.statistics.fold import accumulate
from initcli.theory.identify.cells import Cells, cells_of
from initcli.theory.identify.marginal import Held, Values, hold

Floats = NDArray[np.float64]


def cast(values: NDArray[np.floating] | torch.Tensor, code: str) -> torch.Tensor:
    """Returns values as torch stores them in a dtype."""
    return torch.as_tensor(values).to(getattr(torch, DTYPES[code].torch))


def raw_of(tensor: torch.Tensor) -> memoryview:
    """Returns the bytes of a tensor."""
    flat = tensor.detach().contiguous().flatten()
    return memoryview(flat.view(torch.uint8).numpy().tobytes())


def counted(tensor: torch.Tensor, code: str, *, zero_rows: int = 0) -> Values:
    """Returns what is known of a stored tensor but its values' places."""
    dtype = DTYPES[code]
    seen = accumulate(raw_of(tensor), dtype)
    summary = seen.summary
    cells = cells_of(seen.table, dtype, summary.root_mean_square)
    return Values(dtype, summary, cells, zero_rows, math.prod(tensor.shape[1:]))


def held(tensor: torch.Tensor, code: str, law: Law) -> Held:
    """Returns what became of holding a tensor against one law alone."""
    (one,) = hold(counted(tensor, code), [law], 1)
    return one


def apart(values: NDArray[np.floating]) -> Cells:
    """Returns cells as fine as values: one for each, and one for each gap between them."""
    ascending = np.unique(values.astype(np.float64))
    below = np.nextafter(ascending, -np.inf)
    edges = np.stack([below, ascending], axis=1).ravel()
    counts = np.tile([0, 1], ascending.size)
    return Cells(np.concatenate([[-np.inf], edges, [np.inf]]), np.append(counts, 0))
