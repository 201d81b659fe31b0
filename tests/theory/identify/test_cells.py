"""Cells of stored values hold what was drawn between their edges, before it was rounded."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from identified import Floats, cast, counted, raw_of
from initcli.core.dtypes import DTYPES
from initcli.statistics.fold import accumulate
from initcli.statistics.table import Table
from initcli.theory.identify.cells import Cells, cells_of
from raw import DRAWABLE, every_pattern

NARROW = [code for code in DRAWABLE if DTYPES[code].bits <= 16]
FEW = 4000
# Exponents of the scale: from where next to nothing is left to where the largest overflow.
SCALES = {
    "F8_E4M3": (-14, 9),
    "F8_E5M2": (-20, 15),
    "F8_E4M3FNUZ": (-14, 7),
    "F8_E5M2FNUZ": (-21, 15),
    "F16": (-28, 15),
    "BF16": (-136, 126),
    # What is nearer to zero than 2⁻¹²⁶ is keyed as zero in float64, and negligible from here on.
    "F32": (-120, 120),
    "F64": (-108, 120),
}


def drawn(seed: int, scale: float, mean: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(FEW, generator=generator, dtype=torch.float64) + mean) * scale


def histogram(values: Floats, cells: Cells) -> list[int]:
    """NumPy's counts between the same edges; it takes no infinite ones."""
    reach = 2 * max(np.abs(values).max(), np.abs(cells.edges[1:-1]).max(initial=0.0))
    edges = np.clip(cells.edges, -reach, reach)
    return np.histogram(values, edges)[0].tolist()


@pytest.mark.parametrize("code", DRAWABLE)
@settings(max_examples=40)
@given(data=st.data())
def test_cells_hold_what_was_drawn_between_their_edges(code: str, data: st.DataObject) -> None:
    exponent = data.draw(st.integers(*SCALES[code]))
    values = drawn(data.draw(st.integers(0, 99)), 2.0**exponent, data.draw(st.floats(-3, 3)))
    # Everything is drawn in float32 but what is stored wider.
    values = values if code == "F64" else values.float()
    stored = cast(values, code)
    kept = stored.float().isfinite() if code != "F64" else stored.isfinite()
    if not kept.any():
        return
    cells = counted(stored, code).cells
    exact = values[kept].double().numpy()
    # A value on an edge is a tie, which rounding gives to the even side.
    ties = np.isin(exact, cells.edges)
    again = counted(stored[kept][torch.from_numpy(~ties)], code).cells if ties.any() else cells
    assert cells.total == int(kept.sum())
    assert again.counts.tolist() == histogram(exact[~ties], again)


@pytest.mark.parametrize("code", DRAWABLE)
@pytest.mark.parametrize("exponent", [-6, 0])
def test_edges_ascend_from_end_to_end(code: str, exponent: int) -> None:
    cells = counted(cast(drawn(0, 2.0**exponent, 0.0), code), code).cells
    assert (cells.edges[0], cells.edges[-1]) == (-math.inf, math.inf)
    assert (np.diff(cells.edges[1:-1]) > 0).all()
    assert cells.edges.size == cells.counts.size + 1


@pytest.mark.parametrize("code", NARROW)
def test_every_finite_pattern_lies_within_its_cell(code: str) -> None:
    """Each value of the dtype alone: a cell with edges on both sides of it holds it."""
    raw = every_pattern(code)
    values = cast_back(raw, code)
    for pattern in np.random.default_rng(0).choice(np.flatnonzero(np.isfinite(values)), 100):
        cells = cells_of(Table.of_keys(np.array([pattern])), DTYPES[code], abs(values[pattern]))
        (place,) = np.flatnonzero(cells.counts)
        assert cells.edges[place] < values[pattern] < cells.edges[place + 1]


def cast_back(raw: memoryview, code: str) -> Floats:
    dtype = getattr(torch, DTYPES[code].torch)
    return torch.frombuffer(bytearray(raw), dtype=dtype).double().numpy()


@pytest.mark.parametrize("code", ["F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"])
def test_edges_of_bytes_are_where_torch_rounds_the_other_way(code: str) -> None:
    """Just below an edge, and just above it, are stored as two neighbours."""
    every = cast_back(every_pattern(code), code)
    finite = np.unique(every[np.isfinite(every)])
    table = accumulate(every_pattern(code), DTYPES[code]).table
    inner = cells_of(table, DTYPES[code], scale=0.0).edges[1:-1]
    assert inner.tolist() == ((finite[1:] + finite[:-1]) / 2).tolist()
    near = np.abs(inner) * 2.0**-20
    below, above = (cast(inner + off, code).double().numpy() for off in (-near, near))
    assert np.array_equal(np.searchsorted(finite, below) + 1, np.searchsorted(finite, above))


@pytest.mark.parametrize("code", [code for code in DRAWABLE if DTYPES[code].bits > 8])
def test_an_octave_has_sixteen_cells(code: str) -> None:
    values = torch.linspace(1, 2, 5000, dtype=torch.float64)[:-1]
    cells = counted(cast(values, code)[:-40], code).cells
    between = (cells.edges >= 0.99) & (cells.edges < 1.99)
    assert between.sum() == pytest.approx(16, abs=1)


@pytest.mark.parametrize("code", DRAWABLE)
def test_what_is_not_finite_is_in_no_cell(code: str) -> None:
    values = cast(drawn(1, 1.0, 0.0), code)
    plain = counted(values, code)
    odd = torch.cat([values.float(), torch.tensor([math.nan, math.inf, -math.inf])])
    seen = accumulate(raw_of(cast(odd, code)), DTYPES[code])
    cells = cells_of(seen.table, DTYPES[code], plain.summary.root_mean_square)
    # torch saturates what is infinite in one dtype alone.
    most = 2 if DTYPES[code].saturates and seen.summary.infinite == 0 else 0
    assert FEW <= cells.total <= FEW + most
    assert cells.total == seen.summary.finite
    if not most:
        assert cells.counts.tolist() == plain.cells.counts.tolist()


@pytest.mark.parametrize("code", [code for code in DRAWABLE if not code.endswith("FNUZ")])
def test_both_zeros_share_a_cell(code: str) -> None:
    # The least value beside them is where it is to keep scales apart.
    zeros = cast(torch.tensor([0.0, -0.0, 0.0, -0.0, 1.0, -1.0]), code)
    cells = counted(zeros, code).cells
    place = int(np.searchsorted(cells.edges, 0.0)) - 1
    assert cells.edges[place] < 0 < cells.edges[place + 1]
    assert cells.counts[place] == 4
    assert cells.total == 6


@pytest.mark.parametrize("code", DRAWABLE)
def test_what_is_negligible_shares_one_cell(code: str) -> None:
    """Far below the scale there is one cell, however many values lie there."""
    tiny = torch.logspace(-5, -1, 2000, dtype=torch.float64)
    values = torch.cat([tiny, -tiny, torch.ones(10).double()])
    seen = accumulate(raw_of(cast(values, code)), DTYPES[code])
    coarse, fine = (cells_of(seen.table, DTYPES[code], scale) for scale in (2.0**10, 1e-9))
    assert coarse.total == fine.total == 4010
    within = np.abs(coarse.edges) < 2.0**-6
    assert within.sum() <= 2
    assert (np.abs(fine.edges) < 2.0**-6).sum() > 2
    assert set(coarse.edges) <= set(fine.edges)


def test_what_all_underflows_is_in_one_cell() -> None:
    cells = counted(cast(torch.full((9,), 1e-12), "F8_E5M2"), "F8_E5M2").cells
    assert cells.counts.tolist() == [0, 9, 0]
    assert cells.edges.tolist() == [-math.inf, -(2.0**-17), 2.0**-17, math.inf]
