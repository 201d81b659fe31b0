"""False alarms are counted, and planted faults found, each as often as is stated.

Seeds are fixed. Bounds on counts are quantiles of the binomial law at 1e-4, each: had the seeds
been drawn anew, a sound program would fail one of these tests once in about a thousand runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy import stats

import initcli
from fresh import Shape, found, fresh, observed, without_schemes
from initcli.checks.observation import Observation
from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from raw import stored

CHANCE = 1e-4
CODES = ("F32", "BF16", "F16", "F8_E4M3", "F8_E5M2")
FRESH = 40
RANDOM = {
    "layers.0.weight": ("normal(0, 0.02)", (64, 48)),
    "layers.1.weight": ("normal(0.1, 0.05)", (300,)),
    "layers.2.weight": ("uniform(-0.1, 0.3)", (16, 8, 3, 3)),
    "layers.3.weight": ("xavier_uniform", (120, 40)),
    "layers.4.weight": ("kaiming_normal(mode=fan_out)", (32, 16, 3, 3)),
    "layers.5.weight": ("trunc_normal(0, 1, 0.5, 3)", (40, 40)),
    "layers.6.weight": ("lecun_normal", (1, 200)),
}
MIXED = {
    "layers.0.weight": ("lecun_normal", (64, 48)),
    "layers.1.weight": ("orthogonal", (12, 8)),
    "layers.2.weight": ("sparse(0.3)", (40, 30)),
    "layers.3.weight": ("glorot_uniform", (16, 8, 3, 3)),
    "layers.4.weight": ("eye", (24, 24)),
    "layers.5.weight": ("zeros", (24, 16)),
    "layers.6.weight": ("ones", (24,)),
    "layers.7.weight": ("siren", (48, 32)),
}
# Alike but for their shapes, as layers that are compared with their peers are.
ALIKE: dict[str, tuple[str, Shape]] = {
    f"layers.{depth}.weight": ("lecun_uniform", (16 + 8 * depth, 12 + 4 * depth))
    for depth in range(8)
}


@pytest.fixture(scope="module")
def checkpoints() -> list[list[Observation]]:
    """Four hundred checkpoints that are nothing but drawn, each from a seed of its own."""
    cases = [(layers, code) for layers in (RANDOM, MIXED) for code in CODES]
    return [
        fresh(layers, code, seed=FRESH * case + number)
        for case, (layers, code) in enumerate(cases)
        for number in range(FRESH)
    ]


@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-3])
def test_fresh_checkpoints_are_found_off_no_more_often_than_alpha(
    checkpoints: list[list[Observation]], alpha: float
) -> None:
    alarms = sum(bool(found(each, alpha)) for each in checkpoints)
    assert alarms <= stats.binom.ppf(1 - CHANCE, len(checkpoints), alpha)


def test_the_band_is_no_wider_than_it_must_be(checkpoints: list[list[Observation]]) -> None:
    # Of seven laws, both of whose moments are random, Holm's error is all but exhausted in wide
    # dtypes; a band that is three times too cautious would leave 7 or fewer of these 120.
    exhaustive = checkpoints[: 3 * FRESH]
    alarms = sum(bool(found(each, 0.2)) for each in exhaustive)
    assert alarms > stats.binom.ppf(CHANCE, len(exhaustive), 0.15)


@pytest.mark.parametrize("code", ["F32", "BF16", "F16"])
def test_fresh_checkpoints_of_which_nothing_is_expected_raise_no_alarm(code: str) -> None:
    for seed in range(FRESH):
        assert found(without_schemes(fresh(ALIKE, code, seed)), 1e-3) == []


SCHEMES = ("xavier_normal", "kaiming_uniform", "truncated_normal(0, 0.02)", "orthogonal")
FILES = 6


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_fresh_files_pass(tmp_path: Path, samples: Path, scheme: str, dtype: str) -> None:
    # 48 files of two or three weights each at 1e-3: a false alarm in 20 choices of seeds.
    file = tmp_path / "fresh.safetensors"
    for seed in range(FILES):
        initcli.init(
            f"{samples}/mlp.py:mlp", file, scheme=scheme, dtype=dtype, seed=seed, force=True
        )
        report = initcli.stats(
            file, scheme=scheme, rows=True, hashes=True, spectrum=True, fail_on="warning"
        )
        assert report.passed, report.findings


Damage = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]
SIDE = 256
FAULTY = "layers.3.weight"


def one(value: float) -> Damage:
    """Returns what replaces one value, anywhere, by another."""

    def damage(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        values.flat[rng.integers(values.size)] = value
        return values

    return damage


def one_in_a_hundred(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Clips values as an overflow does."""
    return np.where(rng.random(values.shape) < 0.01, np.copysign(65504, values), values)


# What is expected of a 256×256 matrix, drawn as N(0, 1/256), its dtype, its damage, and the code.
NORMAL = "normal(0, 0.0625)"
PLANTED: dict[str, tuple[str, str, Damage, str]] = {
    "std times 1.1": (NORMAL, "F32", lambda x, _: x * 1.1, "IC202"),
    "std times 0.95": (NORMAL, "BF16", lambda x, _: x * 0.95, "IC202"),
    "a gain of a leaky slope": ("kaiming_normal(a=0.2)", "F32", lambda x, _: x, "IC202"),
    "the mean a tenth of the std off": (NORMAL, "F16", lambda x, _: x + 0.00625, "IC201"),
    "one NaN": (NORMAL, "BF16", one(math.nan), "IC101"),
    "one infinity": (NORMAL, "F16", one(math.inf), "IC102"),
    "one value beyond a truncation": (
        "truncated_normal(0, 0.0625, -8, 8)",
        "BF16",
        one(0.52),
        "IC204",
    ),
    "ten times its peers": ("", "F32", lambda x, _: x * 10, "IC110"),
    "a tenth of its peers": ("", "BF16", lambda x, _: x / 10, "IC110"),
    "1 % at the end of half": ("", "F16", one_in_a_hundred, "IC107"),
    "one at the end of float32": ("", "F32", one(3.4028234663852886e38), "IC107"),
    "an underflow": ("", "F8_E4M3", lambda x, _: x / 4, "IC108"),
    "all zero": ("", "F32", lambda x, _: x * 0, "IC103"),
}
TRIALS = 12


@pytest.mark.parametrize(("scheme", "code", "damage", "expected"), PLANTED.values(), ids=PLANTED)
def test_planted_faults_are_always_found(
    scheme: str, code: str, damage: Damage, expected: str
) -> None:
    sound = without_schemes(fresh(ALIKE, code if code != "F8_E4M3" else "F16", seed=0))
    rng = np.random.default_rng(0)
    for _ in range(TRIALS):
        values = damage(rng.normal(0, 1 / 16, (SIDE, SIDE)), rng)
        spec = TensorSpec(FAULTY, DTYPES[code], values.shape)
        faulty = observed(spec, bytes(stored(values, code)), scheme)
        findings = found([*sound[:3], faulty, *sound[4:]], 1e-3)
        assert expected in {each.code for each in findings if each.tensor == FAULTY}
        assert {each.tensor for each in findings} == {FAULTY}


def test_one_dead_row_is_always_found(tmp_path: Path) -> None:
    rng, file = np.random.default_rng(0), tmp_path / "dead.safetensors"
    for _ in range(TRIALS):
        values = rng.normal(0, 1 / 16, (SIDE, SIDE)).astype("f4")
        row = int(rng.integers(SIDE))
        values[row] = 0
        save_file({"w": values}, file)
        (only,) = initcli.stats(file, rows=True).findings
        assert (only.code, only.message) == ("IC106", f"1 of 256 rows all zero: {row}")


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        ("kaiming_normal(mode=fan_out)", "kaiming_normal"),
        ("lecun_normal", "xavier_normal"),
        ("xavier_uniform", "xavier_normal"),
    ],
)
def test_swapped_fans_are_found_and_a_swapped_family_is_not(drawn: str, expected: str) -> None:
    layers: dict[str, tuple[str, Shape]] = {"w": (drawn, (128, 512))}
    is_found = not drawn.startswith("xavier")  # whose moments are the same
    for seed in range(TRIALS):
        (seen,) = fresh(layers, "F32", seed, expected=expected)
        assert ("IC202" in {each.code for each in found([seen], 1e-3)}) == is_found


@pytest.mark.parametrize("size", [0.01, 0.012, 0.015])
def test_power_is_what_theory_says(size: float) -> None:
    """A ratio of variances is normal with standard error √(2/n), as is its band."""
    trials, alpha, count = 150, 1e-3, SIDE**2
    error = math.sqrt(2 / count)
    reach = stats.norm.isf(alpha / 4)  # two tests, two tails
    power = stats.norm.sf((1 + reach * error - (1 + size) ** 2) / error / (1 + size) ** 2)
    rng, spec = np.random.default_rng(1), TensorSpec("w", DTYPES["F32"], (SIDE, SIDE))
    hits = 0
    for _ in range(trials):
        values = rng.standard_normal((SIDE, SIDE), np.float32) * np.float32(1 + size)
        hits += bool(found([observed(spec, values.tobytes(), "normal(0, 1)")], alpha))
    low, high = stats.binom.ppf([CHANCE, 1 - CHANCE], trials, power)
    assert low <= hits <= high
