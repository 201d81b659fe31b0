"""Storages: where tensors' values lie, and as what.

Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/storage.py
"""

from __future__ import annotations

from dataclasses import dataclass

from initcli.core.dtypes import DTYPES, FOREIGN, DType
from initcli.core.text import visible
from initcli.formats.pytorch.pickles.records import Global, Persistent, PickleFlawError

_LARGEST = 2**63
STORAGES = {
    "BoolStorage": "BOOL",
    "ByteStorage": "U8",
    "CharStorage": "I8",
    "ShortStorage": "I16",
    "IntStorage": "I32",
    "LongStorage": "I64",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "FloatStorage": "F32",
    "DoubleStorage": "F64",
    "ComplexFloatStorage": "C64",
    "ComplexDoubleStorage": "C128",
    "UntypedStorage": "U8",
    "QInt8Storage": "I8",
    "QUInt8Storage": "U8",
    "QInt32Storage": "I32",
    "QUInt4x2Storage": "U8",
    "QUInt2x4Storage": "U8",
}
_LENGTHS = {5, 6}
_TAGS = ("storage", b"storage")
MODULES = {"torch", "torch.storage", "torch.cuda"}


@dataclass(frozen=True, slots=True)
class Storage:
    """Values that lie one behind the other.

    Attributes:
        key: By what the file knows them.
        dtype: As which they are stored; bytes where that is left to the tensors.
        whole: How many there are.
        first: Which of them is the first of this; only a legacy file has parts of storages.
        count: How many are of this.
        folder: Where in an archive it lies.
    """

    key: str
    dtype: DType
    whole: int
    first: int
    count: int
    folder: str = "data"

    def part_of(self, begin: int) -> tuple[int, int]:
        """Returns the address of the first value, and the bytes of all.

        Args:
            begin: Where the whole storage begins.

        Raises:
            PickleFlawError: The part is larger than the whole.
        """
        if self.first + self.count > self.whole:
            raise PickleFlawError("a part of a storage reaches beyond it")
        return begin + self.first * self.dtype.itemsize, self.count * self.dtype.itemsize


def storage_of(record: object) -> Storage | None:
    """Returns the storage that a persistent record tells of; None if it is something else.

    Raises:
        PickleFlawError: It is a storage, and makes no sense.
    """
    if not isinstance(record, Persistent):
        return None
    key = record.key
    if not isinstance(key, tuple) or len(key) not in _LENGTHS or key[0] not in _TAGS:
        return None
    _, kind, name, _, count, *more = key
    if not isinstance(kind, Global) or not isinstance(name, str):
        raise PickleFlawError("a storage without a kind or a key")
    code = STORAGES.get(kind.name) if kind.module in MODULES else None
    if code is None:
        raise PickleFlawError(f"{visible(str(kind), 80)} is no known storage")
    dtype = DTYPES.get(code) or FOREIGN[code]
    first, part = _part(more[0] if more else None, count)
    return Storage(name, dtype, natural(count), natural(first), natural(part), record.folder)


def _part(told: object, count: object) -> tuple[object, object]:
    """Returns the first value of a part of a storage, and how many values it has."""
    if told is None:
        return 0, count
    match told:
        case (_, first, part):
            return first, part
    raise PickleFlawError("a part of a storage that makes no sense")


def natural(value: object) -> int:
    """Returns a number that may be a size or a place.

    Raises:
        PickleFlawError: It is none.
    """
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise PickleFlawError("a size that is no natural number")
    return value
