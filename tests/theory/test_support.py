"""Nothing that a library draws lies beyond the support, and the next value beyond it does."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

import schemed
from initcli.core.dtypes import DTYPES
from initcli.engine.draw import draw_tensor
from initcli.schemes.law import Law, constant, normal, truncated_normal, uniform, with_zeros
from initcli.schemes.structure import ZeroRun
from initcli.statistics.fold import summarise
from initcli.theory.support import beyond_support, stored_support
from raw import stored

# Draws in wide dtypes end within a few roundings of float32, so the next value that is found
# beyond their ends lies a little further.
FLOATS = {"F64": 1e-6, "F32": 1e-6, "BF16": 0.0, "F16": 0.0, "F8_E4M3": 0.0, "F8_E5M2": 0.0}
UNIFORM = [(-0.1, 0.1), (-0.1, 0.3), (0.0, 1.0), (-1.0, 1.0), (3.0, 3.7), (-1e-3, 1e-3)]
Fill = Callable[[Tensor], Tensor]
FILLS: dict[str, tuple[Law, Fill]] = {
    **{
        f"U[{low}, {high})": (uniform(low, high), partial(torch.nn.init.uniform_, a=low, b=high))
        for low, high in UNIFORM
    },
    "N in [-0.01, 0.02]": (
        truncated_normal(0, 0.02, -0.01, 0.02),
        partial(torch.nn.init.trunc_normal_, std=0.02, a=-0.01, b=0.02),
    ),
}


def is_beyond(law: Law, code: str, values: object) -> bool:
    array = np.asarray(values, np.float64)
    return bool(beyond_support(law, DTYPES[code], summarise(stored(array, code), DTYPES[code])))


@pytest.mark.parametrize(("law", "fill"), FILLS.values(), ids=FILLS)
@pytest.mark.parametrize("code", FLOATS)
def test_what_torch_draws_and_casts_is_within(law: Law, fill: Fill, code: str) -> None:
    drawn = fill(torch.empty(200_000)).to(getattr(torch, DTYPES[code].torch))
    assert not is_beyond(law, code, drawn.double().numpy())


@pytest.mark.parametrize("case", schemed.cases(), ids=str)
def test_what_a_scheme_draws_is_within(case: schemed.Case) -> None:
    drawn = draw_tensor(case.draw, case.shape, 7, case.name).numpy()
    assert not is_beyond(case.draw.law, "F32", drawn)
    assert not is_beyond(case.draw.law, "BF16", drawn)


@pytest.mark.parametrize(("low", "high"), UNIFORM)
@pytest.mark.parametrize("code", ["BF16", "F16", "F64"])
def test_what_torch_draws_in_the_dtype_itself_is_within(low: float, high: float, code: str) -> None:
    drawn = torch.empty(200_000, dtype=getattr(torch, DTYPES[code].torch)).uniform_(low, high)
    assert not is_beyond(uniform(low, high), code, drawn.double().numpy())


@pytest.mark.parametrize(("low", "high"), UNIFORM)
@pytest.mark.parametrize("code", FLOATS)
def test_the_ends_are_within_and_the_next_values_are_not(
    low: float, high: float, code: str
) -> None:
    law, dtype = uniform(low, high), DTYPES[code].numpy
    assert not is_beyond(law, code, [low, high])
    reach = FLOATS[code] * max(abs(low), abs(high))
    ends = np.array([low - reach if low else 0.0, high + reach]).astype(dtype)
    least, greatest = (
        np.nextafter(end, dtype.type(way)) for end, way in zip(ends, (-100, 100), strict=True)
    )
    assert is_beyond(law, code, [least, high])
    assert is_beyond(law, code, [low, greatest])


def test_a_law_without_bounds_is_not_violated() -> None:
    assert not is_beyond(normal(0, 1), "F32", [-1e30, 1e30])
    assert stored_support(normal(0, 1), DTYPES["BF16"]) == (-math.inf, math.inf)


def test_zeros_that_are_set_are_within() -> None:
    padded = with_zeros(uniform(1, 2), 0.5, ZeroRun(0, 2))
    assert not is_beyond(padded, "F32", [0, 0, 1, 2])
    assert is_beyond(padded, "F32", [0, -0.5, 1, 2])


def test_what_saturates_ends_where_its_dtype_does() -> None:
    assert stored_support(uniform(-1e4, 1e4), DTYPES["F8_E4M3"]) == (-448, 448)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf]])
def test_what_has_no_finite_value_violates_nothing(values: list[float]) -> None:
    assert not is_beyond(uniform(0, 1), "F32", values)


def test_what_is_fixed_is_not_judged_here() -> None:
    assert not is_beyond(constant(1.0), "F32", [2.0])
