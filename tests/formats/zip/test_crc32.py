"""Checksums of neighbours merge to what zlib says of both together."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from initcli.formats.zip.crc32 import Crc32


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_a_checksum_is_zlibs_however_the_bytes_are_cut(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    merged, updated = Crc32(), Crc32()
    for piece in pieces:
        merged += Crc32().updated(memoryview(piece))
        updated = updated.updated(memoryview(piece))
    assert merged == updated == Crc32(zlib.crc32(whole), len(whole))


@given(st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9))
def test_merging_is_associative(a: bytes, b: bytes, c: bytes) -> None:
    one, two, three = (Crc32().updated(memoryview(each)) for each in (a, b, c))
    assert (one + two) + three == one + (two + three)


def test_gigabytes_merge_like_few_bytes() -> None:
    length, zeros = 3 << 30, memoryview(bytes(1 << 20))
    expected = Crc32().updated(memoryview(b"x"))
    for _ in range(length >> 20):
        expected = expected + Crc32().updated(zeros)
    half = Crc32()
    for _ in range(length >> 21):
        half = half.updated(zeros)
    assert Crc32().updated(memoryview(b"x")) + half + half == expected
