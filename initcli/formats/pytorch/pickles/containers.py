"""What the opcodes do that build tuples, lists, sets and dictionaries, and tend stack and memo."""

from __future__ import annotations

import pickle
from functools import partial

from initcli.formats.pytorch.pickles.machine import Act, Machine
from initcli.formats.pytorch.pickles.records import Pairs
from initcli.formats.pytorch.pickles.weights import LIST, MEMO, PAIRS, REFERENCE, STEP, TUPLE

_LONGEST_NUMBER = 1 << 10
_number = int.from_bytes  # what half of all opcodes read


def _nothing(machine: Machine) -> None:
    machine.stack.append(())


def _list(machine: Machine) -> None:
    machine.stack.append([])


def _dict(machine: Machine) -> None:
    machine.stack.append(Pairs())


def _list_above(machine: Machine) -> None:
    items = machine.above_mark()
    machine.stack.append(items)


def _dict_above(machine: Machine) -> None:
    pairs = machine.above_mark()
    machine.stack.append(Pairs())
    machine.set_pairs(pairs)


def _tuple_above(machine: Machine) -> None:
    items = tuple(machine.above_mark())
    machine.stack.append(items)


def _tuple(count: int, machine: Machine) -> None:
    stack = machine.stack
    items = tuple(stack[-count:])
    if len(items) < count:
        raise IndexError
    stack[-count:] = [items]


def _append(machine: Machine) -> None:
    machine.append_items([machine.stack.pop()])


def _append_above(machine: Machine) -> None:
    machine.append_items(machine.above_mark())


def _set(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.set_pairs([key, value])


def _set_above(machine: Machine) -> None:
    machine.set_pairs(machine.above_mark())


def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.above_mark()


def _pop_above(machine: Machine) -> None:
    machine.above_mark()


def _twice(machine: Machine) -> None:
    machine.stack.append(machine.stack[-1])


def _get(count: int, machine: Machine) -> None:
    machine.stack.append(machine.memo[_number(machine.read(count), "little")])


def _get_line(machine: Machine) -> None:
    machine.stack.append(machine.memo[int(machine.line(_LONGEST_NUMBER))])


def _put(count: int, machine: Machine) -> None:
    machine.memo[_number(machine.read(count), "little")] = machine.stack[-1]


def _put_line(machine: Machine) -> None:
    machine.memo[int(machine.line(_LONGEST_NUMBER))] = machine.stack[-1]


def _put_next(machine: Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


CONTAINERS: dict[bytes, tuple[int, Act]] = {
    pickle.MARK: (LIST, Machine.mark),
    pickle.POP: (STEP, _pop),
    pickle.POP_MARK: (STEP, _pop_above),
    pickle.DUP: (REFERENCE, _twice),
    pickle.EMPTY_TUPLE: (REFERENCE, _nothing),
    pickle.TUPLE1: (TUPLE, partial(_tuple, 1)),
    pickle.TUPLE2: (TUPLE, partial(_tuple, 2)),
    pickle.TUPLE3: (TUPLE, partial(_tuple, 3)),
    pickle.TUPLE: (TUPLE, _tuple_above),
    pickle.EMPTY_LIST: (LIST, _list),
    pickle.LIST: (REFERENCE, _list_above),
    pickle.APPEND: (REFERENCE, _append),
    pickle.APPENDS: (STEP, _append_above),
    pickle.EMPTY_SET: (LIST, _list),
    pickle.FROZENSET: (TUPLE, _tuple_above),
    pickle.ADDITEMS: (STEP, _append_above),
    pickle.EMPTY_DICT: (PAIRS, _dict),
    pickle.DICT: (PAIRS, _dict_above),
    pickle.SETITEM: (REFERENCE, _set),
    pickle.SETITEMS: (STEP, _set_above),
    pickle.GET: (REFERENCE, _get_line),
    pickle.BINGET: (REFERENCE, partial(_get, 1)),
    pickle.LONG_BINGET: (REFERENCE, partial(_get, 4)),
    pickle.PUT: (MEMO, _put_line),
    pickle.BINPUT: (MEMO, partial(_put, 1)),
    pickle.LONG_BINPUT: (MEMO, partial(_put, 4)),
    pickle.MEMOIZE: (MEMO, _put_next),
}
