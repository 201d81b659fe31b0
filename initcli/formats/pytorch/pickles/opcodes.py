"""Reads a pickle of the protocols 0 to 5, opcode by opcode.

Source: https://github.com/python/cpython/blob/v3.13.0/Lib/pickletools.py
"""

from __future__ import annotations

import pickle
from typing import BinaryIO

from initcli.core.collector import uncollected
from initcli.formats.pytorch.pickles.containers import CONTAINERS
from initcli.formats.pytorch.pickles.machine import MEMORY, Machine, ends_early, too_large
from initcli.formats.pytorch.pickles.objects import OBJECTS
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.pytorch.pickles.scalars import SCALARS

OPCODES = SCALARS | CONTAINERS | OBJECTS
"""What each takes, and what it does; but for the last, which ends the pickle."""


def unpickle(file: BinaryIO, room: int = MEMORY) -> tuple[object, Machine]:
    """Writes down what the pickle at the file's position says, and stops behind it.

    Args:
        file: Where it begins.
        room: Bytes that what is written down may take.

    Returns:
        The record of the one value it builds, and the machine, which knows the names it met.

    Raises:
        PickleFlawError: It breaks a rule of the format, or takes too much memory.
    """
    machine = Machine(file, room)
    read = file.read
    with uncollected():
        try:
            while (code := read(1)) != pickle.STOP:
                weight, act = OPCODES[code]
                machine.room -= weight
                if machine.room < 0:
                    raise too_large()
                act(machine)
            return machine.stack.pop(), machine
        except (LookupError, ValueError) as error:
            raise _misused(code, at_end=not code or not read(1)) from error


def _misused(code: bytes, *, at_end: bool) -> PickleFlawError:
    if at_end:
        return ends_early()
    if code not in OPCODES and code != pickle.STOP:
        return PickleFlawError(f"0x{code.hex()} is no opcode of a pickle")
    return PickleFlawError(f"the pickle misuses opcode 0x{code.hex()}")
