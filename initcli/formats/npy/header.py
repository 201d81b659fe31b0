"""The header of a NumPy array file, read by NumPy's rules; nothing that is pickled ever is.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from initcli.core.dtypes import BYTE, DType
from initcli.core.errors import MalformedError, TruncatedError
from initcli.core.tensor import Shape, bits_of
from initcli.core.text import visible
from initcli.formats.npy.dtypes import stored_dtype
from initcli.formats.storage.unread import UnreadError

MAGIC = b"\x93NUMPY"
# The length of a header that NumPy reads without being told that the file is trusted.
_LONGEST = 10_000
_LENGTH_AT = 8
HEAD = _LENGTH_AT + 4 + _LONGEST
"""Bytes that hold every header that is read."""
# By version: bytes of the header's length, and the header's encoding.
_VERSIONS = {1: (2, "latin1"), 2: (4, "latin1"), 3: (4, "utf-8")}
_KEYS = {"descr", "fortran_order", "shape"}
_MOST_DIMENSIONS = 64
_LARGEST = 2**63 - 1
_ENTRY = re.compile(
    r"""\s*(['"])(\w{1,40})\1\s*:\s*"""
    r"""('[^'\\]*'|"[^"\\]*"|True|False|[(][\w\s,]*[)]|[\[(](?s:.)*[\])])\s*(?:,|(?=[}]))""",
    re.ASCII,
)
# Python 2 wrote long numbers with an L.
_NUMBER = re.compile(r"(\d{1,20})L?", re.ASCII)
_SHAPE = re.compile(r"[(]\s*(?:(?:\d{1,20}L?\s*,\s*)+(?:\d{1,20}L?\s*)?)?[)]", re.ASCII)


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """What a header says.

    Attributes:
        dtype: Of the values.
        shape: How many there are along each dimension.
        is_fortran: Whether the first index runs fastest.
        swapped: Bytes of what is stored big-endian; 1 for nothing.
        length: Bytes before the first value.
    """

    dtype: DType
    shape: Shape
    is_fortran: bool
    swapped: int
    length: int

    @property
    def is_plain(self) -> bool:
        """Whether values lie as they are read: little-endian and row-major."""
        is_turned = self.is_fortran and sum(length > 1 for length in self.shape) > 1
        return self.swapped == 1 and not is_turned


def parse_npy_header(head: bytes, size: int, where: str) -> NpyHeader:
    """Reads the header of an array file.

    Args:
        head: The file's first `HEAD` bytes, or all if it has fewer.
        size: All its bytes.
        where: The file or member, as messages name it.

    Raises:
        UnreadError: It tells of values that are no numbers in an array.
        MalformedError: It breaks a rule.
        TruncatedError: It ends early, or promises more values than there are.
    """
    text, length = _header_text(head, where)
    told = _told(text, where)
    dtype, swapped = stored_dtype(told["descr"].strip("'\""), where)
    shape = _shape(told["shape"], where)
    if told["fortran_order"] not in {"True", "False"}:
        raise MalformedError("fortran_order must be True or False", where=where)
    _check_size(bits_of(shape, dtype.bits), size - length, where)
    return NpyHeader(dtype, shape, told["fortran_order"] == "True", swapped, length)


def _header_text(head: bytes, where: str) -> tuple[str, int]:
    if not head.startswith(MAGIC):
        raise MalformedError("not a NumPy array", where=where)
    version = head[len(MAGIC)] if len(head) > len(MAGIC) else 0
    if version not in _VERSIONS:
        raise MalformedError(f"version {version} of the NumPy format is not known", where=where)
    width, encoding = _VERSIONS[version]
    begin = _LENGTH_AT + width
    length = int.from_bytes(head[_LENGTH_AT:begin], "little")
    if length > _LONGEST:
        message = f"a NumPy header of {length:,} bytes"
        raise MalformedError(message, where=where, hint=f"at most {_LONGEST:,} are read")
    if len(head) < begin + length:
        raise TruncatedError("the file ends inside its header", where=where)
    try:
        return head[begin : begin + length].decode(encoding), begin + length
    except UnicodeDecodeError as error:
        raise MalformedError("the NumPy header is not UTF-8", where=where) from error


def _told(text: str, where: str) -> dict[str, str]:
    """Returns the header's entries as they are written.

    NumPy evaluates the header as a Python literal. What its writers write is so little that no
    evaluation is needed, and none can be led astray.
    """
    text = text.strip()
    if not text.startswith("{") or not text.endswith("}"):
        raise MalformedError("the NumPy header is no dictionary", where=where)
    told, at = dict[str, str](), 1
    while text[at:].strip() != "}":
        entry = _ENTRY.match(text, at)
        if entry is None or entry[2] in told:
            shown = visible(text[at : at + 40], 80)
            raise MalformedError(f"the NumPy header is malformed at {shown}", where=where)
        if entry[3].startswith(("[", "('", '("')):
            hint = "save each field as an array of its own"
            raise UnreadError("its values are structured", where=where, hint=hint)
        told[entry[2]] = entry[3]
        at = entry.end()
    if told.keys() != _KEYS:
        message = "a NumPy header holds descr, fortran_order and shape, and nothing else"
        raise MalformedError(message, where=where)
    return told


def _shape(text: str, where: str) -> Shape:
    found = _SHAPE.fullmatch(text)
    lengths = tuple(map(int, _NUMBER.findall(text))) if found else ()
    if not found or len(lengths) > _MOST_DIMENSIONS or max(lengths, default=0) > _LARGEST:
        raise MalformedError("shape must be a tuple of natural numbers", where=where)
    return lengths


def _check_size(bits: int | None, held: int, where: str) -> None:
    if bits is None:
        raise MalformedError("the shape's product overflows", where=where)
    size = bits // BYTE
    if size > held:
        message = f"the header promises {size:,} bytes of values, the file holds {held:,}"
        raise TruncatedError(message, where=where, hint="fetch or copy the file again")
    if size < held:
        raise MalformedError(f"{held - size:,} bytes after the last value", where=where)
