"""What the opcodes do that name code, and build what it would."""

from __future__ import annotations

import pickle
from functools import partial

from initcli.formats.pytorch.pickles.machine import Act, Machine
from initcli.formats.pytorch.pickles.records import Call, PickleFlawError
from initcli.formats.pytorch.pickles.weights import CALL, NAME, STEP, TUPLE

_NEWEST = 5
_LONGEST_NUMBER = 1 << 10


def _global_line(machine: Machine) -> None:
    module, name = (machine.line(_LONGEST_NUMBER).decode() for _ in range(2))
    machine.name(module, name)


def _global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise PickleFlawError("a name of code that is no text")
    machine.name(module, name)


def _extension(count: int, machine: Machine) -> None:
    machine.name("copyreg extension", str(machine.number(count)))


def _call(machine: Machine) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Call(function, arguments))


def _call_with_keywords(machine: Machine) -> None:
    keywords, arguments, function = (machine.stack.pop() for _ in range(3))
    machine.stack.append(Call(function, (arguments, keywords)))


def _call_above(machine: Machine) -> None:
    function, *arguments = machine.above_mark()
    machine.stack.append(Call(function, tuple(arguments)))


def _call_line(machine: Machine) -> None:
    _global_line(machine)
    function = machine.stack.pop()
    arguments = tuple(machine.above_mark())
    machine.stack.append(Call(function, arguments))


def _persistent_line(machine: Machine) -> None:
    machine.lies_outside(machine.line(_LONGEST_NUMBER).decode())


def _persistent(machine: Machine) -> None:
    machine.lies_outside(machine.stack.pop())


def _protocol(machine: Machine) -> None:
    if (version := machine.number(1)) > _NEWEST:
        raise PickleFlawError(f"pickle protocol {version} is not known")


def _frame(machine: Machine) -> None:
    machine.number(8)  # opcodes go on in it as without


OBJECTS: dict[bytes, tuple[int, Act]] = {
    pickle.PROTO: (STEP, _protocol),
    pickle.FRAME: (STEP, _frame),
    pickle.GLOBAL: (NAME, _global_line),
    pickle.STACK_GLOBAL: (NAME, _global),
    pickle.EXT1: (NAME, partial(_extension, 1)),
    pickle.EXT2: (NAME, partial(_extension, 2)),
    pickle.EXT4: (NAME, partial(_extension, 4)),
    pickle.REDUCE: (CALL, _call),
    pickle.NEWOBJ: (CALL, _call),
    pickle.NEWOBJ_EX: (CALL, _call_with_keywords),
    pickle.INST: (CALL + NAME, _call_line),
    pickle.OBJ: (CALL, _call_above),
    pickle.BUILD: (TUPLE, Machine.build),
    pickle.PERSID: (CALL, _persistent_line),
    pickle.BINPERSID: (TUPLE, _persistent),
}
