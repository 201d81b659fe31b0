"""What `stats` measures of singular values, moments and quantiles, and when."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from safetensors.torch import save_file
from scipy import stats as scipy_stats

import initcli
from initcli.core.errors import OptionError
from initcli.reports.tensor_columns import COLUMNS, QUANTILES, UNPOOLED_KEYS
from reported import by_name, found, matrix


def test_singular_values_are_those_of_numpy(samples: Path) -> None:
    report = initcli.stats(samples / "faulty.safetensors", spectrum=True)
    rows = by_name(report)
    for name, values in load_file(samples / "faulty.safetensors").items():
        row = rows[name]
        if values.ndim < 2 or not np.isfinite(values).all() or not values.any():
            assert row.largest_singular in {None, 0.0}
            continue
        singular = np.linalg.svd(values.astype(np.float64), compute_uv=False)
        squares = singular**2 / np.mean(singular**2)
        assert row.largest_singular == pytest.approx(singular[0], rel=1e-9)
        assert row.stable_rank == pytest.approx((singular**2).sum() / singular[0] ** 2, rel=1e-9)
        assert row.orthogonality == pytest.approx(np.abs(squares - 1).max(), rel=1e-9)
    assert set(found(report, "IC903")) == {f"layers.{n}.weight" for n in (1, 2)}


def shapes_of(values: NDArray[np.float64]) -> tuple[float, float]:
    return scipy_stats.skew(values), scipy_stats.kurtosis(values, fisher=False)


@pytest.mark.parametrize("code", ["float64", "float32", "bfloat16", "float16", "float8_e4m3fn"])
@pytest.mark.parametrize("law", ["normal", "laplace", "exponential"])
def test_skewness_and_kurtosis_are_those_of_scipy(code: str, law: str, tmp_path: Path) -> None:
    drawn = getattr(np.random.default_rng(5), law)(size=(100, 300))
    values = torch.from_numpy(drawn).to(getattr(torch, code))
    save_file({"w": values}, tmp_path / "w.safetensors")
    (row,) = initcli.stats(tmp_path).rows
    skewness, kurtosis = shapes_of(values.double().numpy().ravel())
    assert row.skewness == pytest.approx(skewness, rel=1e-9, abs=1e-11)
    assert row.kurtosis == pytest.approx(kurtosis, rel=1e-10)


def test_moments_that_nothing_has_are_left_out(tmp_path: Path) -> None:
    tensors = {
        "constant": torch.full((4, 4), 3.0),
        "complex": torch.complex(matrix(9), matrix(9, seed=1)),
        "wide": torch.arange(9),
        "byte": torch.arange(9, dtype=torch.uint8),
    }
    save_file(tensors, tmp_path / "w.safetensors")
    rows = by_name(initcli.stats(tmp_path))
    for name in ("constant", "complex", "wide"):
        assert rows[name].skewness is rows[name].kurtosis is None
    assert rows["byte"].kurtosis == pytest.approx(shapes_of(np.arange(9.0))[1])
    assert rows["complex"].p50 is rows["complex"].hist is rows["complex"].distinct is None
    assert (rows["wide"].p50, rows["byte"].p50, rows["byte"].distinct) == (4, 4, 9)


def test_details_may_be_left_out(samples: Path) -> None:
    path = samples / "digits_mlp.safetensors"
    for row in initcli.stats(path, detail=False).rows:
        assert all(getattr(row, key) is None for key in (*QUANTILES, "hist", "distinct"))
        assert row.kurtosis is not None
    values = load_file(path)["fc1.weight"].astype(np.float64)
    row = by_name(initcli.stats(path))["fc1.weight"]
    for key, probability in QUANTILES.items():
        exact = np.quantile(values, probability, method="inverted_cdf")
        assert getattr(row, key) == pytest.approx(exact, rel=2**-7)
    assert row.hist is not None
    assert sum(row.hist.counts) == values.size


IMPLIED = [
    ({"columns": "name,p50"}, "p50"),
    ({"columns": "+hist"}, "hist"),
    ({"columns": "name", "sort": "-p99"}, "p99"),
    ({"columns": "name,zero_columns"}, "zero_columns"),
    ({"columns": "+worst_row"}, "outlying_rows"),
    ({"sort": "zero_rows"}, "zero_rows"),
    ({"columns": "hash"}, "hash"),
    ({"columns": "+stable_rank"}, "largest_singular"),
]


@pytest.mark.parametrize(("options", "key"), IMPLIED, ids=str)
def test_a_column_that_is_named_is_measured(
    samples: Path, options: dict[str, str], key: str
) -> None:
    path = samples / "digits_mlp.safetensors"
    row = by_name(initcli.stats(path, detail=False, **options))["fc1.weight"]
    assert getattr(row, key) is not None


def test_a_column_that_is_taken_away_is_not_measured(samples: Path) -> None:
    report = initcli.stats(samples / "digits_mlp.safetensors", columns="-hash,-p50", detail=False)
    assert {row.hash for row in report.rows} == {row.p50 for row in report.rows} == {None}


@pytest.mark.parametrize("key", [column.key for column in COLUMNS if column.key != "hist"])
def test_rows_can_be_sorted_by_any_column_that_has_an_order(samples: Path, key: str) -> None:
    path = samples / "faulty.safetensors"
    found, back = (initcli.stats(path, sort=way).table.rows for way in (key, f"-{key}"))
    values = [getattr(row, key) for row in found if getattr(row, key) is not None]
    assert values in (sorted(values), sorted(values, reverse=True))
    backwards = [getattr(row, key) for row in back if getattr(row, key) is not None]
    assert backwards == values[::-1]


def test_histograms_have_no_order(samples: Path) -> None:
    with pytest.raises(OptionError, match="cannot sort by 'hist'"):
        initcli.stats(samples / "faulty.safetensors", sort="hist")


@pytest.mark.parametrize("key", sorted(UNPOOLED_KEYS))
@pytest.mark.parametrize("how", ["columns", "sort"])
def test_what_single_tensors_have_is_not_pooled(samples: Path, key: str, how: str) -> None:
    options = {"columns": f"name,{key}"} if how == "columns" else {"sort": f"-{key}"}
    with pytest.raises(OptionError, match=f"{key} is known of single tensors only"):
        initcli.stats(samples / "digits_mlp.safetensors", by="layer", **options)


@pytest.mark.parametrize(
    ("device", "message"), [("cuda", "none has been measured"), ("tpu", "unknown device 'tpu'")]
)
def test_another_device_is_refused_with_its_reason(
    samples: Path, device: str, message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        initcli.stats(samples / "digits_mlp.safetensors", device=device)


def test_values_at_the_end_of_float64_are_measured_without_a_warning(tmp_path: Path) -> None:
    values = torch.full((40, 40), 1e200, dtype=torch.float64)
    values[3, 4], values[5] = -1.7e308, 1e-200
    save_file({"w": values}, tmp_path / "w.safetensors")
    (row,) = initcli.stats(tmp_path, rows=True, hashes=True, spectrum=True).rows
    assert (row.min, row.max, row.std) == (-1.7e308, 1e200, math.inf)
    assert row.skewness is None
    assert row.outlying_rows == 0
