"""The word for how much of A is left in B, on weights whose history is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from initcli.reports.compare_status import Training, training_of
from initcli.statistics.pair import Distance

RNG = np.random.default_rng(3)
WEIGHT = RNG.normal(0, 0.02, (64, 64)).astype(np.float32)
NOISE = RNG.normal(0, 0.02, (64, 64)).astype(np.float32)

HISTORIES = {
    "untouched": (WEIGHT, Training.FROZEN),
    "zeros that changed sign": (np.zeros(9, np.float32), Training.FROZEN),
    "one value by one unit": (None, Training.LIGHT),
    "a step of 1 %": (WEIGHT + 0.01 * NOISE, Training.LIGHT),
    "a step of 20 %": (WEIGHT + 0.2 * NOISE, Training.TUNED),
    "twice": (2 * WEIGHT, Training.TUNED),
    "drawn anew": (NOISE, Training.REWRITTEN),
    "drawn anew, a hundred times smaller": (0.01 * NOISE, Training.REWRITTEN),
    "emptied": (0 * WEIGHT, Training.REWRITTEN),
    "negated": (-WEIGHT, Training.REWRITTEN),
    "nothing but NaN": (np.full_like(WEIGHT, math.nan), None),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_what_happened_is_told_in_a_word(tmp_path: Path, history: str) -> None:
    after, word = HISTORIES[history]
    before = WEIGHT
    if history == "zeros that changed sign":
        assert after is not None
        before = -after
    if after is None:
        after = WEIGHT.copy()
        after[3, 3] = np.nextafter(after[3, 3], np.float32(1))
    for name, values in (("a", before), ("b", after)):
        save_file({"w": values}, tmp_path / f"{name}.safetensors")
    report = initcli.compare(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert report.rows[0].training == word


def test_the_share_of_changed_values(tmp_path: Path) -> None:
    after = WEIGHT.copy()
    after[:16] = -after[:16]
    save_file({"w": WEIGHT}, tmp_path / "a.safetensors")
    save_file({"w": after}, tmp_path / "b.safetensors")
    (row,) = initcli.compare(tmp_path / "a.safetensors", tmp_path / "b.safetensors").rows
    assert (row.changed, row.sign_flips) == (0.25, 16 * 64)


@pytest.mark.parametrize(
    ("distance", "word"),
    [
        (Distance(4, unequal=1, squared=0.0025, squares_a=1, squares_b=1, product=1), "light"),
        (Distance(4, unequal=1, squared=0.0026, squares_a=1, squares_b=1, product=1), "tuned"),
        (Distance(4, unequal=1, squared=1, squares_a=1, squares_b=1, product=0.708), "tuned"),
        (Distance(4, unequal=1, squared=1, squares_a=1, squares_b=1, product=0.707), "rewritten"),
        (Distance(4, unequal=4, squared=1, squares_b=1), "rewritten"),
    ],
)
def test_where_words_change(distance: Distance, word: str) -> None:
    assert training_of(distance, is_same=False) == Training[word.upper()]


def test_values_that_agree_after_a_cast_are_frozen(tmp_path: Path) -> None:
    save_file({"w": WEIGHT}, tmp_path / "a.safetensors")
    save_file({"w": WEIGHT.astype(np.float16)}, tmp_path / "b.safetensors")
    (row,) = initcli.compare(tmp_path / "a.safetensors", tmp_path / "b.safetensors").rows
    assert row.training == Training.FROZEN
