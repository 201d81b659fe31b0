"""Arithmetic that users may write for a number: `0.02 / sqrt(2 * n_layer)`.

Only numbers, variables, + − * / ** and a few functions are understood; nothing is executed.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

_BINARY: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: math.pow,
}
_UNARY: Mapping[type, Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
    "min": min,
    "max": max,
}
_CONSTANTS: Mapping[str, float] = {"pi": math.pi}
# Nodes of its tree: those who walk it later must not run out of stack.
_LONGEST = 200
# Of a nonlinearity's name, not of a number.
_MOMENT = "moment"


class UnknownNameError(LookupError):
    """A formula holds a variable that has no value; the argument is its name."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A number still to be worked out, as the user wrote it."""

    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, node: ast.expr) -> Formula:
        """Returns the formula of an expression.

        Raises:
            ValueError: It is more than arithmetic, or longer than a person writes.
        """
        if sum(1 for _ in islice(ast.walk(node), _LONGEST + 1)) > _LONGEST:
            raise ValueError("not arithmetic")
        _require_arithmetic(node)
        return cls(ast.unparse(node))

    @classmethod
    def parse(cls, text: str) -> Formula:
        """Returns the formula of a text.

        Raises:
            ValueError: It is no arithmetic.
        """
        try:
            return cls.of(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise ValueError("not arithmetic") from error

    @property
    def variables(self) -> frozenset[str]:
        """The names that need a value; a dotted name is one."""
        return frozenset(_variables(_parsed(self.text)))

    @property
    def nonlinearities(self) -> frozenset[str]:
        """The nonlinearities whose second-moment gains it takes."""
        calls = (node for node in ast.walk(_parsed(self.text)) if isinstance(node, ast.Call))
        return frozenset(_dotted(call.args[0]) for call in calls if _function(call) == _MOMENT)

    def value(self, variables: Mapping[str, float]) -> float:
        """Returns the number.

        Raises:
            UnknownNameError: A variable has no value.
            ValueError, ArithmeticError: It leaves the range of floating point.
        """
        return _evaluate(_parsed(self.text), variables)


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _require_arithmetic(node: ast.expr) -> None:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return
    elif isinstance(node, ast.Name | ast.Attribute):
        _dotted(node)
        return
    elif isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        _require_arithmetic(node.operand)
        return
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _require_arithmetic(node.left)
        _require_arithmetic(node.right)
        return
    elif isinstance(node, ast.Call) and _function(node):
        for argument in node.args:
            _require_arithmetic(argument)
        return
    raise ValueError("not arithmetic")


def _function(node: ast.Call) -> str:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    is_known = name in _FUNCTIONS or (
        name == _MOMENT and len(node.args) == 1 and isinstance(node.args[0], ast.Name)
    )
    return name if is_known and not node.keywords else ""


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return node.id
    raise ValueError("not arithmetic")


def _variables(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Name | ast.Attribute):
        name = _dotted(node)
        return set() if name in _CONSTANTS else {name}
    if isinstance(node, ast.UnaryOp):
        return _variables(node.operand)
    if isinstance(node, ast.BinOp):
        return _variables(node.left) | _variables(node.right)
    if isinstance(node, ast.Call) and _function(node) != _MOMENT:
        return set().union(*map(_variables, node.args))
    return set()


def _evaluate(node: ast.expr, variables: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant):
        # Floats throughout: whole powers of whole numbers could fill the memory.
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_evaluate(node.operand, variables))
    if isinstance(node, ast.BinOp):
        left, right = _evaluate(node.left, variables), _evaluate(node.right, variables)
        return _BINARY[type(node.op)](left, right)
    if isinstance(node, ast.Call):
        return _call(node, variables)
    name = _dotted(node)
    known = _CONSTANTS | variables  # type: ignore[operator]
    if name not in known:
        raise UnknownNameError(name)
    return float(known[name])


def _call(node: ast.Call, variables: Mapping[str, float]) -> float:
    name = _function(node)
    if name == _MOMENT:
        from initcli.schemes.gain import second_moment_gain

        return second_moment_gain(_dotted(node.args[0]))
    try:
        return float(_FUNCTIONS[name](*(_evaluate(each, variables) for each in node.args)))
    except TypeError as error:  # as with sqrt of two numbers
        raise ValueError(f"{name}: {error}") from error
