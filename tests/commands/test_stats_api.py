from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import initcli
from initcli.commands.stats import GROUPS
from initcli.core.errors import OptionError, PatternError
from initcli.reports.stats import StatsReport
from initcli.reports.tensor_columns import METADATA_KEYS
from initcli.reports.tensor_row import TensorRow

RNG = torch.Generator().manual_seed(0)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A checkpoint of several layers and dtypes, with counters that no statistic may pool."""
    path = tmp_path / "mixed.safetensors"
    tensors = {
        "a.weight": torch.randn(40, 30, generator=RNG),
        "a.bias": torch.randn(40, generator=RNG) + 5,
        "b.c.weight": torch.randn(8, 4, generator=RNG).to(torch.bfloat16),
        "b.c.steps": torch.tensor(10**9),
        "top": torch.zeros(3, dtype=torch.float64),
        "empty": torch.zeros(0, 4),
    }
    save_file(tensors, path, {"made": "here"})
    return path


def by_name(report: StatsReport) -> dict[str, TensorRow]:
    return {row.name: row for row in report.rows}


def names(report: StatsReport) -> list[str]:
    return [row.name for row in report.table.rows]


def test_every_row_is_what_torch_measures(mixed: Path) -> None:
    rows = by_name(initcli.stats(mixed))
    for name, values in load_file(mixed).items():
        wide, row = values.double(), rows[name]
        assert (row.parameters, row.shape) == (values.numel(), tuple(values.shape))
        if values.numel():
            assert row.mean == pytest.approx(float(wide.mean()), rel=1e-12)
            assert row.variance == pytest.approx(float(wide.var(correction=0)), rel=1e-12)
            assert (row.min, row.max) == (float(wide.min()), float(wide.max()))
            assert row.zeros == int((wide == 0).sum())
    assert rows["a.weight"].fan_in == 30
    assert rows["a.weight"].gain == pytest.approx(rows["a.weight"].std * 30**0.5)
    assert rows["empty"].mean is rows["empty"].min is None


@pytest.mark.parametrize("by", GROUPS)
def test_a_group_is_the_pool_of_its_floats(mixed: Path, by: str) -> None:
    tensors = load_file(mixed)
    codes = {row.name: row.dtype for row in initcli.stats(mixed).rows}
    rows = {row.name: row for row in initcli.stats(mixed, by=by).table.rows}
    key = {name: name.rpartition(".")[0] or "(top)" for name in tensors}
    groups = codes if by == "dtype" else key
    assert set(rows) == set(groups.values())
    for group, row in rows.items():
        members = [values for name, values in tensors.items() if groups[name] == group]
        floats = [each.double().numpy().ravel() for each in members if each.is_floating_point()]
        assert row.tensors == len(members)
        assert row.parameters == sum(each.numel() for each in members)
        if floats:
            pooled = np.concatenate(floats)
            assert row.mean == pytest.approx(pooled.mean(), rel=1e-12)
            assert row.std == pytest.approx(pooled.std(), rel=1e-12)
            assert (row.min, row.max) == (pooled.min(), pooled.max())


def test_the_total_is_the_pool_of_all_floats(mixed: Path) -> None:
    floats = [each for each in load_file(mixed).values() if each.is_floating_point()]
    pooled = torch.cat([each.double().ravel() for each in floats]).numpy()
    total = initcli.stats(mixed).total
    assert (total.mean, total.std) == pytest.approx((pooled.mean(), pooled.std()), rel=1e-12)
    assert (total.tensors, total.parameters) == (6, pooled.size + 1)


def test_several_checkpoints_are_told_apart(mixed: Path, samples: Path) -> None:
    digits = samples / "digits_mlp.safetensors"
    report = initcli.stats(mixed, digits)
    assert [opened.tensors for opened in report.checkpoints] == [6, 6]
    assert {row.checkpoint for row in report.rows} == {str(mixed), str(digits)}
    assert report.table.columns[0].key == "checkpoint"
    assert report.files == (mixed, digits)
    assert report.total.tensors == 12


def test_a_pattern_may_match_in_one_checkpoint_only(mixed: Path, samples: Path) -> None:
    report = initcli.stats(mixed, samples / "digits_mlp.safetensors", select=["fc1.*"])
    assert names(report) == ["fc1.bias", "fc1.weight"]


SORTS = [
    ("parameters", ["a.weight", "a.bias", "b.c.weight", "top", "b.c.steps", "empty"]),
    ("-parameters", ["empty", "b.c.steps", "top", "b.c.weight", "a.bias", "a.weight"]),
    ("name", ["a.bias", "a.weight", "b.c.steps", "b.c.weight", "empty", "top"]),
    ("-name", ["top", "empty", "b.c.weight", "b.c.steps", "a.weight", "a.bias"]),
]


@pytest.mark.parametrize(("key", "expected"), SORTS)
def test_rows_are_sorted_and_cut(mixed: Path, key: str, expected: list[str]) -> None:
    assert names(initcli.stats(mixed, sort=key)) == expected
    cut = initcli.stats(mixed, sort=key, top=2)
    assert names(cut) == expected[:2]
    assert len(cut.rows) == 6
    assert cut.total.tensors == 6


@pytest.mark.parametrize("key", ["mean", "-mean", "std", "min"])
def test_rows_without_a_value_come_last(mixed: Path, key: str) -> None:
    assert names(initcli.stats(mixed, sort=key))[-1] == "empty"


def test_columns_are_those_asked_for(mixed: Path) -> None:
    def keys(columns: str | None) -> list[str]:
        return [column.key for column in initcli.stats(mixed, columns=columns).table.columns]

    default = keys(None)
    assert keys("std, name") == ["std", "name"]
    assert keys("-std,+fan_in") == [key for key in [*default, "fan_in"] if key != "std"]
    assert initcli.stats(mixed, columns="name,std").table.records()[0].keys() == {"name", "std"}


HEADER_ONLY = [
    {"columns": "name,shape,dtype"},
    {"columns": ",".join(sorted(METADATA_KEYS))},
    {"columns": "name", "sort": "parameters"},
    {"columns": "name,parameters", "by": "layer"},
    {"columns": "name", "select": ["a.*"], "top": 1},
]
VALUES = [
    {},
    {"columns": "name,mean"},
    {"columns": "name", "sort": "std"},
    {"columns": "+fan_in"},
    {"columns": "name", "scheme": "normal"},
]


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError("a value was read")

    monkeypatch.setattr("initcli.formats.storage.reading.Reader.read", read)


@pytest.mark.usefixtures("unreadable")
@pytest.mark.parametrize("options", HEADER_ONLY)
def test_what_a_header_tells_reads_no_value(mixed: Path, options: dict[str, str]) -> None:
    report = initcli.stats(mixed, **options)
    assert not report.has_values
    assert report.rows[0].mean is None


@pytest.mark.usefixtures("unreadable")
@pytest.mark.parametrize("options", VALUES)
def test_what_a_header_does_not_tell_reads_values(mixed: Path, options: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match="a value was read"):
        initcli.stats(mixed, **options)


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_threads_change_nothing(mixed: Path, jobs: int) -> None:
    assert initcli.stats(mixed, jobs=jobs).rows == initcli.stats(mixed, jobs=3).rows


def test_chunks_change_nothing_beyond_rounding(
    samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = initcli.stats(samples / "digits_mlp.safetensors")
    monkeypatch.setattr("initcli.engine.plan.CHUNK_BYTES", 400)
    cut = initcli.stats(samples / "digits_mlp.safetensors")
    for one, other in zip(whole.rows, cut.rows, strict=True):
        assert (one.mean, one.variance) == pytest.approx((other.mean, other.variance), rel=1e-12)
        assert (one.min, one.max, one.zeros) == (other.min, other.max, other.zeros)


def test_a_trained_layer_is_off_and_a_row_says_so(samples: Path) -> None:
    report = initcli.stats(
        samples / "digits_mlp.safetensors", scheme="kaiming_normal", bias="zeros"
    )
    rows = by_name(report)
    assert not report.passed
    assert rows["fc1.weight"].verdict == "variance off"
    assert rows["fc1.bias"].verdict == "mean and variance off"
    assert rows["fc1.weight"].theory_variance == pytest.approx(2 / 64)
    assert {finding.code for finding in report.findings} >= {"IC201", "IC202"}


def test_an_expectation_that_cannot_apply_fails_only_when_strict(samples: Path) -> None:
    path = samples / "digits_mlp.safetensors"
    lenient = initcli.stats(path, scheme="dirac")
    assert {row.verdict for row in lenient.rows if row.scheme} == {"not checked"}
    assert lenient.passed
    assert not initcli.stats(path, scheme="dirac", strict=True).passed


MISTAKES = [
    ({"by": "laier"}, OptionError, "layer"),
    ({"alpha": 0.0}, OptionError, ""),
    ({"alpha": 1.0}, OptionError, ""),
    ({"tolerance": -0.1}, OptionError, ""),
    ({"tolerance": float("nan")}, OptionError, ""),
    ({"fail_on": "errors"}, OptionError, "error"),
    ({"sort": "sdt"}, OptionError, "std"),
    ({"columns": "nmae"}, OptionError, "name"),
    ({"select": ["a.wieght"]}, PatternError, "a.weight"),
    ({"scheme": "kaiming"}, OptionError, "kaiming_normal"),
]


@pytest.mark.parametrize(("options", "kind", "hint"), MISTAKES)
def test_a_mistaken_option_is_named(
    mixed: Path, options: dict[str, str], kind: type[Exception], hint: str
) -> None:
    with pytest.raises(kind) as caught:
        initcli.stats(mixed, **options)
    assert hint in caught.value.hint


@pytest.mark.parametrize(("tolerance", "passed"), [(0.0, False), (1e-3, False), (0.05, True)])
def test_what_is_off_by_less_than_the_tolerance_passes(
    tmp_path: Path, tolerance: float, *, passed: bool
) -> None:
    # The variance is 2 % larger than the scheme's: 20 standard errors of 2 million values.
    path = tmp_path / "w.safetensors"
    save_file({"w.weight": torch.randn(2000, 1000, generator=RNG) * 1.02**0.5}, path)
    report = initcli.stats(path, scheme="normal(0, 1)", tolerance=tolerance)
    assert report.passed == passed
