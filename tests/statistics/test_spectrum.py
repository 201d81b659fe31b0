from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from initcli.statistics import gram as gram_module
from initcli.statistics import spectrum as module
from initcli.statistics.gram import NotFiniteError, ReadRows
from initcli.statistics.lanczos import NotConvergedError
from initcli.statistics.spectrum import Spectrum, distance_from_isometry, spectrum

Matrix = NDArray[np.float32] | NDArray[np.float64]
RNG = np.random.default_rng(5)
NORMAL = RNG.normal(size=(80, 80))


def orthogonal(rows: int, columns: int, gain: float = 1.0) -> Matrix:
    values = torch.empty(rows, columns, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    return np.asarray(torch.nn.init.orthogonal_(values, gain, generator).numpy())


def with_singular_values(values: NDArray[np.float64], columns: int) -> Matrix:
    side = len(values)
    return np.asarray((orthogonal(side, side) * values) @ orthogonal(side, columns))


MATRICES: dict[str, Matrix] = {
    "normal": NORMAL,
    "normal, tall": RNG.normal(size=(400, 70)),
    "normal, wide": RNG.normal(size=(70, 400)),
    "normal, with a mean": 1 + RNG.normal(size=(90, 80)),
    "uniform": RNG.uniform(-1, 1, (64, 200)),
    "orthogonal": orthogonal(80, 80),
    "orthogonal, tall, with a gain": orthogonal(200, 80, 7.0),
    "orthogonal, wide": orthogonal(80, 200, 0.01),
    "nearly orthogonal": orthogonal(80, 80) + 1e-3 * NORMAL,
    "trained": with_singular_values(np.arange(1.0, 81) ** -0.8, 100),
    "one direction missing": with_singular_values(np.r_[np.ones(79), 0.0], 80),
    "one direction doubled": np.diag(np.r_[np.ones(79), 2.0]),
    "crowded": with_singular_values(1 + 1e-5 * np.linspace(-1, 1, 80) ** 3, 90),
    "rank one": np.outer(RNG.normal(size=80), RNG.normal(size=90)),
    "rank two": RNG.normal(size=(80, 2)) @ RNG.normal(size=(2, 90)),
    "constant": np.full((80, 90), 0.3),
    "identity": np.eye(80),
    "identity with a gain": 0.1 * np.eye(80),
    "permutation": np.eye(80)[RNG.permutation(80)],
    "projection": np.diag(np.r_[np.ones(40), np.zeros(40)]),
    "one value": np.diag(np.r_[np.zeros(79), 3.0]),
    "an outlier": RNG.normal(size=(80, 90)) + 1e20 * np.eye(1, 80, 3).T @ np.eye(1, 90, 5),
    "2 x 2": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "2 x 100": RNG.normal(size=(2, 100)),
    "100 x 2": RNG.normal(size=(100, 2)),
}
SCALES = [(64, 1e305), (64, 1e-300), (64, 1e-315), (32, 1e37), (32, 1e-40)]

PATHS = {"dense": (4096, 1024), "gram": (4096, 1), "products": (1, 1)}


@pytest.fixture(params=PATHS.values(), ids=PATHS)
def _path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    take(request.param, monkeypatch)


def take(path: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends small matrices the way of large ones, in several blocks and panels."""
    gram, dense = path
    monkeypatch.setattr(gram_module, "GRAM_SIDE", gram)
    monkeypatch.setattr(module, "DENSE_SIDE", dense)
    monkeypatch.setattr(gram_module, "BLOCK_BYTES", 8 * 1000)
    monkeypatch.setattr(gram_module, "PANEL_BYTES", 8 * 1000)


def rows_of(values: Matrix) -> ReadRows:
    kept = values.view()
    kept.setflags(write=False)
    return lambda first, count: kept[first : first + count]


def counted(values: Matrix) -> tuple[Spectrum, list[int]]:
    """Returns the spectrum, and how many rows were read each time after the first."""
    rows, columns = values.shape
    counts: list[int] = []

    def read(first: int, count: int) -> Matrix:
        assert 0 <= first < first + count <= rows
        counts.append(count)
        return values[first : first + count]

    return spectrum(read, (rows, columns)), counts[1:]


def measured(values: Matrix) -> Spectrum:
    rows, columns = values.shape
    return spectrum(rows_of(values), (rows, columns))


def assert_agrees(found: Spectrum, values: Matrix) -> None:
    """Compares with LAPACK's singular values, themselves within some 1e-14 of the mean."""
    peak = float(np.abs(values).max())
    singular = np.linalg.svd(values.astype(np.float64) / peak, compute_uv=False)
    square = float(np.mean(singular**2))
    deviation = float(np.abs(singular**2 / square - 1).max())
    assert found.largest == pytest.approx(singular[0] * peak, rel=1e-9, abs=5e-324)
    assert found.stable_rank == pytest.approx(len(singular) * square / singular[0] ** 2, rel=1e-9)
    assert found.orthogonality == pytest.approx(deviation, rel=1e-5, abs=1e-12)
    assert found.reason == ""


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("values", MATRICES.values(), ids=MATRICES)
def test_figures_agree_with_lapack_whichever_way_they_are_found(values: Matrix, dtype: str) -> None:
    assert_agrees(measured(values.astype(dtype)), values.astype(dtype))


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize(("bits", "scale"), SCALES)
def test_squares_neither_overflow_nor_vanish(bits: int, scale: float) -> None:
    values = (NORMAL * scale).astype(f"float{bits}")
    assert_agrees(measured(values), values)


@pytest.mark.parametrize("shape", [(1025, 1040), (1040, 1025)])
def test_beyond_the_dense_limit_lanczos_agrees_with_lapack(shape: tuple[int, int]) -> None:
    values = RNG.normal(size=shape).astype(np.float32)
    assert min(shape) == module.DENSE_SIDE + 1
    assert_agrees(measured(values), values)


@pytest.mark.parametrize("shape", [(64, 64), (1024, 256), (300, 1300), (1100, 1100)])
@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_orthogonal_weights_in_float32_are_orthogonal_to_rounding(
    shape: tuple[int, int], gain: float
) -> None:
    generator = torch.Generator().manual_seed(1)
    values = torch.nn.init.orthogonal_(torch.empty(shape), gain, generator)
    found = measured(values.numpy())
    singular = torch.linalg.svdvals(values.double())
    error = float((singular.square() / singular.square().mean() - 1).abs().max())
    assert found.orthogonality == pytest.approx(error, rel=1e-4)
    assert 1e-8 < error < 1e-5
    assert found.largest == pytest.approx(gain, rel=1e-5)
    assert found.stable_rank == pytest.approx(min(shape), rel=1e-5)


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("name", ["normal", "rank one", "identity with a gain", "orthogonal, wide"])
def test_the_same_values_have_the_same_bits(name: str) -> None:
    assert measured(MATRICES[name]) == measured(MATRICES[name].copy())


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_matrix_of_zeros_has_no_rank(dtype: str) -> None:
    assert measured(np.zeros((30, 40), dtype)) == Spectrum(0.0, reason="all its values are zero")


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(30, 40), (40, 30)])
def test_what_is_not_finite_has_no_figures(
    value: float, dtype: str, shape: tuple[int, int]
) -> None:
    values = np.ones(shape, dtype)
    values[-1, -1] = value
    assert measured(values) == Spectrum(reason="it holds values that are not finite")


def test_a_signalling_nan_is_found_without_a_warning() -> None:
    values = np.full((3, 3), 0x7F800001, np.uint32).view(np.float32)
    assert measured(values).reason == "it holds values that are not finite"


@pytest.mark.usefixtures("_path")
def test_a_singular_value_beyond_float64_is_none_and_the_ratios_are_known() -> None:
    found = measured(np.full((30, 40), 1.7e308))
    assert found.largest is None
    assert found.stable_rank == pytest.approx(1)
    assert found.orthogonality == pytest.approx(29)
    assert found.reason == "its largest singular value is beyond float64"


def test_the_least_number_is_its_own_singular_value() -> None:
    values = np.zeros((50, 50))
    values[7, 7] = 5e-324
    assert measured(values).largest == 5e-324


@pytest.mark.parametrize("calls", [0, 1])
def test_figures_that_do_not_converge_are_none_with_the_reason(
    calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter([1.5][:calls])

    def give_up(*_: object) -> float:
        for value in found:
            return value
        raise NotConvergedError("Lanczos iteration did not converge")

    take(PATHS["gram"], monkeypatch)
    monkeypatch.setattr(module, "dominant", give_up)
    result = measured(NORMAL)
    assert (result.largest is None) == (result.stable_rank is None) == (calls == 0)
    assert result.orthogonality is None
    assert result.reason == "orthogonality: " * calls + "Lanczos iteration did not converge"


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(("shape", "limit"), [((400, 50), 20), ((50, 400), 2), ((3, 5000), 1)])
def test_no_more_rows_are_read_at_once_than_fit_a_block(
    path: tuple[int, int], shape: tuple[int, int], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(path, monkeypatch)
    values = RNG.normal(size=shape)
    found, counts = counted(values)
    assert_agrees(found, values)
    assert max(counts) == limit


READS = [("float32", (300, 200), 1), ("float64", (300, 200), 2), ("float32", (200, 300), 1)]


@pytest.mark.parametrize(("dtype", "shape", "times"), READS)
def test_a_matrix_that_fits_is_read_once(dtype: str, shape: tuple[int, int], times: int) -> None:
    _, counts = counted(RNG.normal(size=shape).astype(dtype))
    assert sum(counts) == shape[0] * times


def test_very_long_rows_are_not_read_once_a_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    take(PATHS["dense"], monkeypatch)
    values = RNG.normal(size=(2, 101_000))
    found, counts = counted(values)
    assert_agrees(found, values)
    assert sum(counts) < 50


def test_importing_the_module_imports_no_scipy() -> None:
    code = "import sys, initcli.statistics.spectrum; sys.exit('scipy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def from_isometry(values: Matrix, gain: float) -> float:
    rows, columns = values.shape
    return distance_from_isometry(rows_of(values), (rows, columns), gain)


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("gain", [1.0, 0.25])
@pytest.mark.parametrize("values", MATRICES.values(), ids=MATRICES)
def test_the_distance_from_an_isometry_agrees_with_lapack(values: Matrix, gain: float) -> None:
    singular = np.linalg.svd(values / gain, compute_uv=False)
    expected = float(np.abs(singular**2 - 1).max())
    found = from_isometry(values, gain)
    if expected > 1e12:  # where the mean eigenvalue says enough
        assert found > 1e12
    else:
        assert found == pytest.approx(expected, rel=1e-2, abs=1e-10)


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_a_single_row_is_an_isometry_by_its_norm(shape: tuple[int, int]) -> None:
    values = np.full(shape, 2.0, np.float32)
    norm = 2 * math.sqrt(values.size)
    assert from_isometry(values, norm) == pytest.approx(0, abs=1e-12)
    assert from_isometry(values, 2 * norm) == pytest.approx(0.75)


@pytest.mark.parametrize(("scale", "expected"), [(1e-300, 1.0), (0.0, 1.0)])
def test_nothing_is_as_far_as_its_identity(scale: float, expected: float) -> None:
    assert from_isometry(NORMAL * scale, 1.0) == pytest.approx(expected)


def test_what_is_beyond_all_measure_is_far_off_and_no_error() -> None:
    assert from_isometry(NORMAL * 1e300, 1.0) > 1e12
    assert from_isometry(NORMAL * 1e30, 1.0) > 1e12


def test_a_value_that_is_not_finite_has_no_distance() -> None:
    for dtype in (np.float32, np.float64):
        values = NORMAL.astype(dtype)
        values[3, 5] = np.nan
        with pytest.raises(NotFiniteError, match="not finite"):
            from_isometry(values, 1.0)
