"""What the opcodes do that push numbers, texts and bytes."""

from __future__ import annotations

import codecs
import pickle
import struct
from functools import partial

from initcli.formats.pytorch.pickles.machine import Act, Machine
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.pytorch.pickles.weights import NUMBER, REFERENCE, STEP, TEXT

_LONGEST_NUMBER = 1 << 10
_LONGEST_LINE = 1 << 26
# What is more than any text or number takes is of values, which are read in their turn.
_MANY = 1 << 10
_number = int.from_bytes  # what half of all opcodes read
_DOUBLE = struct.Struct(">d")


def _push(machine: Machine, value: object) -> None:
    machine.stack.append(value)


def _integer(count: int, machine: Machine) -> None:
    machine.stack.append(_number(machine.read(count), "little"))


def _signed_integer(machine: Machine) -> None:
    machine.stack.append(machine.number(4, signed=True))


def _long(count: int, machine: Machine) -> None:
    size = machine.number(count)
    if size > _LONGEST_NUMBER:
        raise PickleFlawError(f"an integer of {size:,} bytes")
    machine.stack.append(machine.number(size, signed=True))


def _integer_line(machine: Machine) -> None:
    digits = machine.line(_LONGEST_NUMBER)
    told = {b"00": False, b"01": True}
    machine.stack.append(told[digits] if digits in told else int(digits.removesuffix(b"L")))


def _float(machine: Machine) -> None:
    machine.stack.append(_DOUBLE.unpack(machine.take(_DOUBLE.size))[0])


def _float_line(machine: Machine) -> None:
    machine.stack.append(float(machine.line(_LONGEST_NUMBER)))


def _bytes(count: int, machine: Machine) -> None:
    size = machine.number(count)
    machine.stack.append(machine.take(size) if size < _MANY else machine.pass_over(size))


def _text(count: int, machine: Machine) -> None:
    size = _number(machine.read(count), "little")
    if size > _LONGEST_LINE:
        raise PickleFlawError(f"a text of {size:,} bytes")
    machine.stack.append(_decoded(machine, machine.take(size)))


def _text_line(machine: Machine) -> None:
    line = machine.line(_LONGEST_LINE)
    machine.spend(3 * len(line))
    machine.stack.append(line.decode("raw-unicode-escape"))


def _decoded(machine: Machine, raw: bytes) -> str:
    if not raw.isascii():
        machine.spend(3 * len(raw))  # a character takes up to four bytes
    return raw.decode("utf-8", "surrogatepass")


def _old_text(count: int, machine: Machine) -> None:
    machine.stack.append(_old_decoded(machine, machine.take(machine.number(count))))


def _old_text_line(machine: Machine) -> None:
    quoted = machine.line(_LONGEST_LINE).strip()
    quote = quoted[:1]
    if len(quoted) < len(b"''") or quote not in {b"'", b'"'} or quoted[-1:] != quote:
        raise PickleFlawError("a text without quotes")
    machine.stack.append(_old_decoded(machine, codecs.escape_decode(quoted[1:-1])[0]))


def _old_decoded(machine: Machine, raw: bytes) -> str | bytes:
    """Takes what Python 2 called a string for a text, if it can be one."""
    try:
        return _decoded(machine, raw)
    except UnicodeDecodeError:
        return raw


def _outside(_: Machine) -> None:
    raise PickleFlawError("the pickle's buffers lie outside of it")


SCALARS: dict[bytes, tuple[int, Act]] = {
    pickle.NONE: (REFERENCE, partial(_push, value=None)),
    pickle.NEWTRUE: (REFERENCE, partial(_push, value=True)),
    pickle.NEWFALSE: (REFERENCE, partial(_push, value=False)),
    pickle.INT: (NUMBER, _integer_line),
    pickle.LONG: (NUMBER, _integer_line),
    pickle.BININT: (NUMBER, _signed_integer),
    pickle.BININT1: (NUMBER, partial(_integer, 1)),
    pickle.BININT2: (NUMBER, partial(_integer, 2)),
    pickle.LONG1: (NUMBER, partial(_long, 1)),
    pickle.LONG4: (NUMBER, partial(_long, 4)),
    pickle.FLOAT: (NUMBER, _float_line),
    pickle.BINFLOAT: (NUMBER, _float),
    pickle.STRING: (TEXT, _old_text_line),
    pickle.BINSTRING: (TEXT, partial(_old_text, 4)),
    pickle.SHORT_BINSTRING: (TEXT, partial(_old_text, 1)),
    pickle.UNICODE: (TEXT, _text_line),
    pickle.SHORT_BINUNICODE: (TEXT, partial(_text, 1)),
    pickle.BINUNICODE: (TEXT, partial(_text, 4)),
    pickle.BINUNICODE8: (TEXT, partial(_text, 8)),
    pickle.SHORT_BINBYTES: (TEXT, partial(_bytes, 1)),
    pickle.BINBYTES: (TEXT, partial(_bytes, 4)),
    pickle.BINBYTES8: (TEXT, partial(_bytes, 8)),
    pickle.BYTEARRAY8: (TEXT, partial(_bytes, 8)),
    pickle.NEXT_BUFFER: (STEP, _outside),
    pickle.READONLY_BUFFER: (STEP, _outside),
}
