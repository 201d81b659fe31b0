"""A tensor as ONNX stores it: what it says of itself, and where its values lie.

Source: https://github.com/onnx/onnx/blob/v1.19.0/onnx/onnx.proto3 (`TensorProto`)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from initcli.core.dtypes import DTYPES, FOREIGN, DType, Kind, undecoded
from initcli.core.errors import MalformedError
from initcli.core.tensor import TensorSpec, bits_of
from initcli.formats.onnx.protobuf import BYTES, VARINT, Field, Messages, varints
from initcli.formats.storage.stretch import Stretch

_EXTERNAL_KEYS = {"location", "offset", "length"}
_LONGEST_KEY = 80
_MOST_PARTS = 1000
_DIMS, _TYPE, _SEGMENT, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 3, 8, 9, 13, 14
_FLOATS, _INT32S, _INT64S, _DOUBLES, _UINT64S = 4, 5, 7, 10, 11
_TYPED = {_FLOATS, _INT32S, _INT64S, _DOUBLES, _UINT64S}
_KEY, _VALUE = 1, 2
_MOST_DIMENSIONS = 64
_LONGEST_TEXT = 1 << 12
_SIGNED = 1 << 63
_STRING = 8


def _nibbles(code: str) -> DType:
    return undecoded(code, 4, Kind.INTEGER, f"{code} values are not decoded")


_CODES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16",
    11: "F64", 12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3",
    18: "F8_E4M3FNUZ", 19: "F8_E5M2", 20: "F8_E5M2FNUZ", 23: "F4", 24: "F8_E8M0",
}  # fmt: skip
_KNOWN = DTYPES | FOREIGN
_TYPES = {number: _KNOWN[code] for number, code in _CODES.items()}
_TYPES |= {21: _nibbles("U4"), 22: _nibbles("I4")}


@dataclass(slots=True)
class Told:
    """What a tensor says of itself.

    Attributes:
        name: Its name.
        number: That of its type.
        shape: Its lengths.
        raw: Its values as they are, if they are here.
        typed: Where its values are stored as those of a type, by the field's number.
        external: Where its values lie, as it says for another file.
        is_external: Whether they are in another file.
        flaw: Why its values are not read.
    """

    name: str = ""
    number: int = 0
    shape: list[int] = field(default_factory=list)
    raw: Stretch | None = None
    typed: dict[int, list[Stretch]] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)
    is_external: bool = False
    flaw: str = ""

    @property
    def is_integer(self) -> bool:
        """Whether its values are integers or booleans, as shapes and indices are."""
        dtype = _TYPES.get(self.number)
        return dtype is not None and dtype.kind in {Kind.INTEGER, Kind.BOOL}

    @property
    def is_text(self) -> bool:
        """Whether its values are texts, and no numbers."""
        return self.number == _STRING

    def spec(self, where: str) -> TensorSpec:
        """Returns the tensor's metadata.

        Raises:
            MalformedError: It is of no dtype that is read, or of an impossible shape, or its
                values are stored as they are not read.
        """
        if self.flaw:
            raise MalformedError(self.flaw, where=where)
        dtype = _TYPES.get(self.number)
        if dtype is None:
            raise MalformedError(f"tensor type {self.number:,} is not known", where=where)
        is_odd = len(self.shape) > _MOST_DIMENSIONS or max(self.shape, default=0) >= _SIGNED
        if is_odd or bits_of(self.shape, dtype.bits) is None:
            raise MalformedError("the shape's product overflows", where=where)
        return TensorSpec(self.name, dtype, tuple(self.shape))


def read_tensor(file: Messages, message: Stretch) -> Told:
    """Reads all of a tensor but its values.

    Raises:
        MalformedError: It is no such message.
    """
    told = Told()
    for each in file.fields(message):
        if each.number in _TYPED:
            _take_typed(told, each)
        elif each.wire == BYTES and each.number in {_NAME, _RAW, _EXTERNAL}:
            _take_bytes(told, file, each)
        elif each.number == _SEGMENT:
            told.flaw = "its values lie in several segments"
        else:
            _take_number(told, file, each)
    return told


def _take_typed(told: Told, each: Field) -> None:
    parts = told.typed.setdefault(each.number, [])
    if each.wire != BYTES:
        told.flaw = "its values are stored one by one"
    elif len(parts) == _MOST_PARTS:
        told.flaw = f"its values are stored in more than {_MOST_PARTS:,} parts"
    else:
        parts.append(each.stretch)


def _take_bytes(told: Told, file: Messages, each: Field) -> None:
    if each.number == _NAME:
        told.name = text_of(file, each.stretch)
    elif each.number == _RAW:
        told.raw = each.stretch
    else:
        told.external |= _entry(file, each.stretch)


def _take_number(told: Told, file: Messages, each: Field) -> None:
    if each.number == _DIMS:
        told.shape += _numbers(file, each)
        if len(told.shape) > _MOST_DIMENSIONS:
            raise MalformedError("a tensor of too many dimensions", where=file.where)
    elif each.number == _TYPE:
        told.number = each.value
    elif each.number == _LOCATION:
        told.is_external = each.value == 1


def _numbers(file: Messages, each: Field) -> list[int]:
    """Returns the numbers of a repeated field, which may be packed."""
    if each.wire == VARINT:
        return [each.value]
    if each.wire != BYTES or each.stretch.size > 10 * _MOST_DIMENSIONS:
        raise MalformedError("a tensor of too many dimensions", where=file.where)
    return list(varints(file.bytes_of(each.stretch), file.where))


def _entry(file: Messages, message: Stretch) -> dict[str, str]:
    """Returns an entry about external data; empty if it says nothing that is needed."""
    found = {each.number: each.stretch for each in file.fields(message) if each.wire == BYTES}
    key, value = found.get(_KEY), found.get(_VALUE)
    if key is None or value is None or key.size > _LONGEST_KEY:
        return {}
    name = text_of(file, key)
    return {name: text_of(file, value)} if name in _EXTERNAL_KEYS else {}


def text_of(file: Messages, stretch: Stretch) -> str:
    """Returns a short text.

    Raises:
        MalformedError: It is long, or no UTF-8.
    """
    if stretch.size > _LONGEST_TEXT:
        raise MalformedError(f"a name of {stretch.size:,} bytes", where=file.where)
    try:
        return file.bytes_of(stretch).decode()
    except UnicodeDecodeError as error:
        raise MalformedError("a name is not UTF-8", where=file.where) from error
