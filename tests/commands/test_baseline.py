"""Baselines: known findings stay quiet, new ones fail, drift is told from sampling error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from initcli.core.errors import BaselineError, InitcliError
from initcli.reports.baseline import read_baseline
from shell import SAMPLES, run_command

FAULTY = SAMPLES / "faulty.safetensors"


def report_of(directory: Path, *arguments: object, name: str = "base.json") -> Path:
    path = directory / name
    run_command(directory, "stats", *map(str, arguments), "--format", "json", "-o", path)
    assert path.exists()
    return path


def weights(seed: int, **changes: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    drawn = {f"layers.{n}.weight": rng.normal(0, 0.02, (64, 48)) for n in range(4)}
    drawn |= {"norm.weight": np.ones(48), "steps": np.array([seed])}
    return {
        name: values.astype(np.float32 if values.dtype.kind == "f" else np.int64)
        for name, values in (drawn | changes).items()
        if values.size
    }


def saved(directory: Path, name: str, tensors: dict[str, np.ndarray]) -> Path:
    path = directory / f"{name}.safetensors"
    save_file(tensors, path)
    return path


def found(path: Path, base: Path, **options: str) -> set[tuple[str, str]]:
    report = initcli.stats(path, baseline=base, **options)  # type: ignore[arg-type]
    return {(each.code, each.tensor) for each in report.findings if not each.known}


def test_known_findings_are_quiet_and_new_ones_fail(tmp_path: Path) -> None:
    base = report_of(tmp_path, FAULTY)
    assert run_command(tmp_path, "stats", FAULTY).returncode == 1
    assert run_command(tmp_path, "stats", FAULTY, "--baseline", base).returncode == 0
    told = json.loads(base.read_text())
    told["findings"] = [each for each in told["findings"] if each["code"] != "IC102"]
    base.write_text(json.dumps(told))
    done = run_command(tmp_path, "stats", FAULTY, "--baseline", base, "--format", "json")
    assert done.returncode == 1
    findings = json.loads(done.stdout)["findings"]
    assert {each["code"] for each in findings if not each["known"]} == {"IC102"}
    assert {each["code"] for each in findings if each["known"]} >= {"IC101", "IC103"}


def test_another_draw_has_not_drifted(tmp_path: Path) -> None:
    base = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    told = {
        (each.code, each.tensor)
        for each in initcli.stats(saved(tmp_path, "b", weights(1)), baseline=base).findings
    }
    assert told == {("IC905", "steps")}
    assert found(saved(tmp_path, "c", weights(0)), base) == set()


CHANGES: dict[str, tuple[dict[str, np.ndarray], set[tuple[str, str]]]] = {
    "one layer a tenth larger": (
        {"layers.2.weight": 1.1 * weights(0)["layers.2.weight"]},
        {("IC501", "layers.2.weight")},
    ),
    "a shifted one": (
        {"layers.1.weight": weights(0)["layers.1.weight"] + 0.004},
        {("IC501", "layers.1.weight")},
    ),
    "a norm that was trained": (
        {"norm.weight": np.linspace(0.9, 1.1, 48)},
        {("IC501", "norm.weight")},
    ),
    "one gone": ({"layers.3.weight": np.zeros(0)}, {("IC502", "layers.3.weight")}),
    "one more": ({"head": np.ones((3, 2)) + np.eye(3, 2)}, {("IC503", "head")}),
    "another shape": (
        {"layers.0.weight": weights(0)["layers.0.weight"].T.copy()},
        {("IC504", "layers.0.weight")},
    ),
    "another dtype": (
        {"norm.weight": np.ones(48, np.int64)},
        {("IC504", "norm.weight")},
    ),
    "a value that is not finite": (
        {"norm.weight": np.where(np.arange(48) == 5, np.inf, 1.0)},
        {("IC501", "norm.weight"), ("IC102", "norm.weight")},
    ),
}


@pytest.mark.parametrize(("changes", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_named_and_nothing_else(
    tmp_path: Path, changes: dict[str, np.ndarray], expected: set[tuple[str, str]]
) -> None:
    base = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    assert found(saved(tmp_path, "b", weights(0, **changes)), base) == expected


def test_a_selection_is_held_against_its_own_part(tmp_path: Path) -> None:
    base = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    assert found(tmp_path / "a.safetensors", base, select="layers.*") == set()


def test_rounding_to_another_dtype_is_no_drift(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    base = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    rounded = {
        name: torch.from_numpy(values).to(torch.bfloat16)
        for name, values in weights(0).items()
        if values.dtype == np.float32
    }
    save_torch(rounded, tmp_path / "b.safetensors")
    told = found(tmp_path / "b.safetensors", base, select="re:^(layers|norm)")
    assert {code for code, _ in told} == {"IC504"}


def test_a_bare_listing_cannot_vouch(tmp_path: Path) -> None:
    path = saved(tmp_path, "a", weights(0))
    columns = "name,shape,dtype,parameters,mean,variance,nan,inf"
    base = report_of(tmp_path, path, "--columns", columns)
    assert found(path, base) == set()
    told = json.loads(base.read_text())
    for record in told["tensors"]:
        record["mean"] = record["variance"] = None
    base.write_text(json.dumps(told))
    assert {code for code, _ in found(path, base)} == {"IC905"}
    assert not initcli.stats(path, baseline=base, strict=True).passed


def test_a_baseline_that_knows_of_drift_does_not_silence_more(tmp_path: Path) -> None:
    first = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    tripled = weights(0, **{"layers.1.weight": 3 * weights(0)["layers.1.weight"]})
    path = saved(tmp_path, "b", tripled)
    second = report_of(tmp_path, path, "--baseline", first, name="second.json")
    assert found(path, second) == set()
    again = weights(0, **{"layers.1.weight": 9 * weights(0)["layers.1.weight"]})
    assert found(saved(tmp_path, "c", again), second) == {("IC501", "layers.1.weight")}


def test_a_checkpoint_that_lost_everything_is_no_sound_one(tmp_path: Path) -> None:
    path = saved(tmp_path, "a", weights(0))
    base, empty = report_of(tmp_path, path), saved(tmp_path, "empty", {})
    gone = {("IC502", name) for name in weights(0)}
    assert found(empty, base) == {*gone, ("IC907", "")}
    both = initcli.stats(path, empty, baseline=base)
    assert not both.passed
    assert {each.checkpoint for each in both.findings if each.code == "IC502"} == {str(empty)}


def test_one_value_tells_no_sampling_error(tmp_path: Path) -> None:
    path = saved(tmp_path, "a", weights(0, bias=np.array([0.045])))
    base = report_of(tmp_path, path)
    other = saved(tmp_path, "b", weights(1, bias=np.array([-0.07])))
    assert {code for code, tensor in found(other, base) if tensor == "bias"} == {"IC905"}
    assert found(path, base) == set()


def test_another_hash_is_told_where_no_statistic_tells(tmp_path: Path) -> None:
    base = report_of(tmp_path, saved(tmp_path, "a", weights(0)), "--hash")
    turned = weights(0, **{"layers.0.weight": weights(0)["layers.0.weight"][::-1].copy()})
    path = saved(tmp_path, "b", turned)
    assert found(path, base) == set()
    assert found(path, base, hashes=True) == {("IC505", "layers.0.weight")}  # type: ignore[arg-type]
    assert not initcli.compare(base, path, fail_on="warning").passed


def statuses(report: initcli.CompareReport) -> dict[str, str]:
    return {row.name: str(row.status) for row in report.rows}


def test_two_reports_are_compared_by_their_statistics(tmp_path: Path) -> None:
    changed = weights(1, **{"layers.2.weight": 1.2 * weights(1)["layers.2.weight"]})
    del changed["layers.3.weight"]
    a = report_of(tmp_path, saved(tmp_path, "a", weights(0)), name="a.json")
    b = report_of(tmp_path, saved(tmp_path, "b", changed), name="b.json")
    for later in (b, tmp_path / "b.safetensors"):
        report = initcli.compare(a, later)
        assert statuses(report) == {
            "layers.0.weight": "within sampling error",
            "layers.1.weight": "within sampling error",
            "layers.2.weight": "drifted",
            "layers.3.weight": "only in A",
            "norm.weight": "within sampling error",
            "steps": "not judged",
        }
        assert not report.passed
        assert {each.code for each in report.findings} == {"IC501", "IC502", "IC905"}
        moved = {row.name: row.drifted for row in report.rows if row.drifted}
        assert list(moved) == ["layers.2.weight"]
        assert "variance" in moved["layers.2.weight"]
        assert report.verdict.endswith("2 beyond sampling error")
    assert initcli.compare(a, tmp_path / "a.safetensors").passed
    assert initcli.compare(tmp_path / "a.safetensors", a, strict=True).passed


def test_equal_bytes_are_known_by_their_hash(tmp_path: Path) -> None:
    a = report_of(tmp_path, saved(tmp_path, "a", weights(0)), "--hash")
    found = statuses(initcli.compare(a, tmp_path / "a.safetensors"))
    assert set(found.values()) == {"identical"}


def test_a_report_is_compared_under_other_names(tmp_path: Path) -> None:
    a = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    other = {f"model.{name}": values for name, values in weights(0).items()}
    b = saved(tmp_path, "b", other)
    assert not initcli.compare(a, b).passed
    assert initcli.compare(a, b, renames=["^model\\.="], select="layers.*").passed


def test_what_needs_values_is_refused_of_a_report(tmp_path: Path) -> None:
    a = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    done = run_command(tmp_path, "compare", a, "a.safetensors", "--rtol", "0")
    assert done.returncode == 2
    assert "--rtol is for two checkpoints" in done.stderr
    done = run_command(tmp_path, "compare", a, "a.safetensors")
    assert done.returncode == 0
    assert "within sampling error" in done.stdout


def edit(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(changes)


def edit_row(**changes: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["tensors"][0].update(changes)


WRONG: dict[str, Callable[[dict[str, Any]], None]] = {
    "another schema": edit(schema="initcli.compare/1"),
    "no schema": lambda document: document.pop("schema"),
    "no tensors": edit(tensors=None),
    "tensors that are no rows": edit(tensors=[1]),
    "no findings": edit(findings={}),
    "rows cut away": lambda document: document["tensors"].pop(),
    "no total": edit(total=None),
    "two checkpoints": lambda document: (
        document["tensors"].append(document["tensors"][0]),
        document["total"].update(tensors=len(document["tensors"])),
    ),
    "no mean": lambda document: document["tensors"][0].pop("mean"),
    "a name of a wrong type": edit_row(name=3),
    "a pool": edit_row(shape=None),
    "a shape of a wrong type": edit_row(shape=[1.5]),
    "a negative count": edit_row(nan=-1),
    "a count of a wrong type": edit_row(zeros=True),
    "a mean of a wrong type": edit_row(mean="0"),
    "no number of values": edit_row(parameters=None),
    "a negative variance": edit_row(variance=-1.0),
    "an impossible kurtosis": edit_row(kurtosis=-100.0),
    "more NaN than values": edit_row(nan=10**9),
    "a quantile of a wrong type": edit_row(p50=[]),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_is_no_baseline_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    base = report_of(tmp_path, saved(tmp_path, "a", weights(0)))
    document = json.loads(base.read_text())
    change(document)
    base.write_text(json.dumps(document))
    with pytest.raises(BaselineError):
        read_baseline(base)
    done = run_command(tmp_path, "stats", "a.safetensors", "--baseline", base)
    assert (done.returncode, done.stdout) == (2, "")
    assert "E108" in done.stderr


@pytest.mark.parametrize("raw", [b"", b"[]", b"\x00" * 64, b'{"schema": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "base.json"
    path.write_bytes(raw)
    with pytest.raises(BaselineError):
        read_baseline(path)
    with pytest.raises(InitcliError):
        read_baseline(tmp_path)
