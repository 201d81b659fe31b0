"""Stretches in any order have the checksum of the whole, or are known not to."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from initcli.formats.zip.crc32 import Crc32
from initcli.formats.zip.runs import Runs

CUTS = st.lists(st.integers(0, 60), max_size=12)


def run_of(raw: bytes) -> Crc32:
    return Crc32().updated(memoryview(raw))


@given(st.binary(min_size=60, max_size=60), CUTS, st.randoms(use_true_random=False))
def test_stretches_in_any_order_and_read_twice_join(
    raw: bytes, cuts: list[int], shuffled: random.Random
) -> None:
    ends = sorted({5, len(raw), *(cut for cut in cuts if cut > 5)})
    stretches = [*pairwise(ends), *pairwise(ends)]
    shuffled.shuffle(stretches)
    runs = Runs(run_of(raw[:5]))
    assert all(runs.add(start, run_of(raw[start:end])) for start, end in stretches)
    assert (runs.first.value, runs.first.length) == (zlib.crc32(raw), len(raw))


@given(st.tuples(st.integers(0, 20), st.integers(1, 20)))
def test_a_stretch_that_shares_a_part_is_refused(stretch: tuple[int, int]) -> None:
    start, size = stretch
    runs = Runs(run_of(b""))
    runs.add(5, run_of(bytes(10)))
    held, added = set(range(5, 15)), set(range(start, start + size))
    is_sound = added <= held or not added & held
    assert runs.add(start, run_of(bytes(size))) is is_sound


def test_too_many_apart_are_refused() -> None:
    runs = Runs(run_of(b""))
    done = [runs.add(start, run_of(b"a")) for start in range(2, 400, 2)]
    assert done[:60] == [True] * 60
    assert not done[-1]
