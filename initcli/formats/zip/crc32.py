"""CRC-32 of bytes that several workers wrote: checksums of neighbours merge.

With the bits of a byte string as a polynomial over GF(2), crc(A‖B) = crc(A)·x^(8·|B|) + crc(B)
modulo the generator; so it is done in zlib's `crc32_combine`, which Python does not offer.
Source: https://github.com/madler/zlib/blob/v1.3.1/crc32.c
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import Self

_GENERATOR = 0xEDB88320
_ONE = 1 << 31  # bits are reflected: the highest is the constant term
_BITS_A_BYTE = 8


@dataclass(frozen=True, slots=True)
class Crc32:
    """The checksum of consecutive bytes.

    Attributes:
        value: As `zlib.crc32` gives it.
        length: Of how many bytes.
    """

    value: int = 0
    length: int = 0

    def updated(self, content: memoryview) -> Self:
        """Returns the checksum with the bytes that follow."""
        return type(self)(zlib.crc32(content, self.value), self.length + len(content))

    def __add__(self, other: Self) -> Self:
        """Joins the checksums of bytes and of those that follow them."""
        moved = _product(_power_of_x(_BITS_A_BYTE * other.length), self.value)
        return type(self)(moved ^ other.value, self.length + other.length)


@functools.lru_cache(maxsize=256)
def _power_of_x(exponent: int) -> int:
    power, square = _ONE, _ONE >> 1
    while exponent:
        if exponent & 1:
            power = _product(square, power)
        square = _product(square, square)
        exponent >>= 1
    return power


def _product(one: int, other: int) -> int:
    product = 0
    while one:
        if one & _ONE:
            product ^= other
        one = one << 1 & (2 * _ONE - 1)
        other = other >> 1 ^ (_GENERATOR if other & 1 else 0)
    return product
