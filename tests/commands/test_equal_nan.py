"""NaN equals NaN in `compare` only where it is asked for."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from initcli.reports.compare_status import Status


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    """Two checkpoints with NaN at one place, of which other values differ within tolerance."""
    values = np.linspace(1, 2, 50, dtype=np.float32)
    values[7] = math.nan
    nudged = values * np.float32(1 + 2**-22)
    bits = np.frombuffer(np.uint32([0x7FC00000, 0x7FC00001]).tobytes(), np.float32)
    for name, held, nan in (("a", values, bits[:1]), ("b", nudged, bits[1:])):
        save_file({"w": held, "nan": nan.copy()}, tmp_path / f"{name}.safetensors")
    return tmp_path / "a.safetensors", tmp_path / "b.safetensors"


def test_nan_differs_from_nan_unless_asked(paths: tuple[Path, Path]) -> None:
    report = initcli.compare(*paths)
    assert not report.passed
    assert [row.incomparable for row in report.rows] == [1, 1]
    assert all(row.status is Status.CHANGED for row in report.rows)


def test_nan_equals_nan_where_asked(paths: tuple[Path, Path]) -> None:
    report = initcli.compare(*paths, equal_nan=True)
    assert report.passed
    rows = {row.name: row for row in report.rows}
    assert rows["nan"].status is Status.EQUAL
    assert (rows["w"].unequal, rows["w"].incomparable) == (49, 0)
    assert rows["w"].max_abs is not None
    assert math.isfinite(rows["w"].max_abs)


def test_tolerances_hold_beside(paths: tuple[Path, Path]) -> None:
    assert not initcli.compare(*paths, equal_nan=True, rtol=0, atol=0).passed
    assert initcli.compare(*paths, equal_nan=True, rtol=1e-6).passed
