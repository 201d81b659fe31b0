"""Hashes are what the documentation of digest.py lets anybody compute."""

from __future__ import annotations

import numpy as np
import pytest
from blake3 import blake3

from initcli.statistics.digest import joined_digest, segment_digest

CONTEXT = "initcli 2026-11 hashes of consecutive segments of a tensor"
RNG = np.random.default_rng(0)


def hashed(*segments: bytes) -> str:
    digests = []
    for segment in segments:
        digest = segment_digest()
        for start in range(0, len(segment), 1000):
            digest.update(segment[start : start + 1000])
        digests.append(digest.digest())
    return joined_digest(digests)


# https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json
PUBLISHED = {0: "af1349b9f5f9a1a6a0404dea36dcc949", 1: "2d3adedff11b61f14c886e35afa03673"}


@pytest.mark.parametrize(("length", "expected"), PUBLISHED.items())
def test_a_short_tensor_has_the_published_hash_of_its_bytes(length: int, expected: str) -> None:
    assert hashed(bytes(n % 251 for n in range(length))) == expected


@pytest.mark.parametrize("length", [1, 1000, 1024, 2049, 70_001])
def test_one_segment_has_half_the_hash_of_its_bytes(length: int) -> None:
    raw = RNG.bytes(length)
    assert hashed(raw) == blake3(raw).hexdigest()[:32]


@pytest.mark.parametrize("lengths", [(5000, 5000), (5000, 5000, 1), (0, 0)])
def test_several_have_the_hash_of_their_hashes_under_a_context(lengths: tuple[int, ...]) -> None:
    raws = [RNG.bytes(length) for length in lengths]
    joined = b"".join(blake3(raw).digest() for raw in raws)
    assert hashed(*raws) == blake3(joined, derive_key_context=CONTEXT).hexdigest()[:32]
    assert hashed(*raws) != hashed(b"".join(raws))


def test_segments_have_an_order() -> None:
    assert hashed(b"one", b"other") != hashed(b"other", b"one")
    assert hashed(b"one", b"other") != hashed(b"oneother") != hashed(b"onea", b"other")
