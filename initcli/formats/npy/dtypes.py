"""The dtypes that NumPy stores, by the names under which it does.

Source: https://numpy.org/doc/stable/reference/arrays.interface.html (`typestr`)
"""

from __future__ import annotations

import re

from initcli.core.dtypes import BYTE, DTYPES, FOREIGN, DType, Kind, undecoded
from initcli.core.errors import MalformedError
from initcli.core.text import visible
from initcli.formats.storage.unread import UnreadError

_DESCR = re.compile(r"([<>|=]?)(?:([?])|([a-zA-Z])(\d{1,9})?(?:\[\w{1,40}\])?)", re.ASCII)
_DECODED = {
    "b1": "BOOL",
    **{f"i{size}": f"I{8 * size}" for size in (1, 2, 4, 8)},
    **{f"u{size}": f"U{8 * size}" for size in (1, 2, 4, 8)},
    **{f"f{size}": f"F{8 * size}" for size in (2, 4, 8)},
    "c8": "C64",
    "c16": "C128",
}
_KNOWN = DTYPES | FOREIGN
_UNDECODED = {
    "c": Kind.COMPLEX,
    "f": Kind.FLOAT,
    **dict.fromkeys("MmSUV", Kind.OTHER),
}
# How many pieces of a value are reversed in big-endian files, where it is not one whole.
_PIECES = {"c": 2, "S": 0, "V": 0}
_BYTES_A_CHARACTER = 4
# NumPy counts bytes where all others count bits.
_NUMBERS = {"c", "f"}
_PICKLED = "its values are Python objects, which are pickled: no pickle is ever loaded"
_VOID = "NumPy has saved them as {code}, without a dtype (it does so with bfloat16, as V2)"


def stored_dtype(descr: str, where: str) -> tuple[DType, int]:
    """Returns a dtype, and how many bytes are reversed together; 1 where none are.

    Args:
        descr: As NumPy writes it, such as `<f4`.
        where: What messages name.

    Raises:
        UnreadError: The values are Python objects.
        MalformedError: NumPy has no such dtype.
    """
    found = _DESCR.fullmatch(descr)
    if found is None:
        message = f"unknown NumPy dtype {visible(descr, 80)}"
        raise MalformedError(message, where=where)
    kind, count = ("b", 1) if found[2] else (found[3], int(found[4] or 0))
    if kind == "O":
        raise UnreadError(_PICKLED, where=where, hint="save numbers only")
    dtype = _named(kind, count, where)
    is_big = found[1] == ">" and dtype.bits > BYTE
    return dtype, _reversed_together(kind, dtype) if is_big else 1


def _named(kind: str, count: int, where: str) -> DType:
    code = f"{kind}{count}"
    if code in _DECODED:
        return _KNOWN[_DECODED[code]]
    if kind not in _UNDECODED or not count:
        raise MalformedError(f"unknown NumPy dtype {code}", where=where)
    size = count * (_BYTES_A_CHARACTER if kind == "U" else 1)
    shown = f"{kind.upper()}{BYTE * size}" if kind in _NUMBERS else code
    obstacle = _VOID.format(code=code) if kind == "V" else f"{shown} values are not decoded"
    return undecoded(shown, size * BYTE, _UNDECODED[kind], obstacle)


def _reversed_together(kind: str, dtype: DType) -> int:
    if kind == "U":
        return _BYTES_A_CHARACTER
    pieces = _PIECES.get(kind, 1)
    return dtype.itemsize // pieces if pieces else 1
