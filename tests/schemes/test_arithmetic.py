"""Formulas are arithmetic and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.schemes.arithmetic import Formula, UnknownNameError

VALUES = {
    "0.02/sqrt(2*n_layer)": 0.02 / math.sqrt(24),
    "2 ** -0.5": 2**-0.5,
    "-x + +3": 2.5,
    "7 // 2": 3.0,
    "min(x, 2, 3) * max(1, 4)": 2.0,
    "log(exp(x))": 0.5,
    "2*pi": 2 * math.pi,
    "text_config.hidden_size - 1": 63.0,
    "(n_layer)": 12.0,
    "1e-3": 1e-3,
}
KNOWN = {"n_layer": 12, "x": 0.5, "text_config.hidden_size": 64}


@pytest.mark.parametrize(("text", "expected"), VALUES.items())
def test_a_formula_is_worked_out(text: str, expected: float) -> None:
    assert Formula.parse(text).value(KNOWN) == pytest.approx(expected, rel=1e-15)


REFUSED = [
    "",
    "1 +",
    "__import__('os')",
    "x.__class__()",
    "(lambda: 1)()",
    "[1]",
    "'text'",
    "True",
    "1 if x else 2",
    "x[0]",
    "x and 1",
    "1 < 2",
    "f'{x}'",
    "sqrt(x=1)",
    "sqrt(*x)",
    "open(1)",
    "moment(1)",
    "moment(x.y)",
    "1j",
    "x := 1",
    "1; 2",
    "~1",
    "1 % 2",
    "1 << 9",
    "(" * 10_000,
    "-" * 100_000 + "1",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_more_than_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not arithmetic"):
        Formula.parse(text)


@pytest.mark.parametrize(
    "text", ["9**9**9**9", "1/0", "sqrt(0-1)", "log(0)", "exp(9999)", "(-8)**0.5"]
)
def test_what_has_no_value_fails_at_once(text: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        Formula.parse(text).value({})


def test_a_function_of_too_many_numbers_fails() -> None:
    with pytest.raises(ValueError, match="sqrt"):
        Formula.parse("sqrt(1, 2)").value({})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2*pi", set()),
        ("a + b.c", {"a", "b.c"}),
        ("sqrt(n)", {"n"}),
        ("moment(gelu)", set()),
    ],
)
def test_a_formula_says_which_names_it_needs(text: str, names: set[str]) -> None:
    assert Formula.parse(text).variables == names


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(UnknownNameError) as caught:
        Formula.parse("1 + n_layr").value({"n_layer": 1})
    assert caught.value.args == ("n_layr",)


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10))
def test_python_agrees(a: float, b: float, c: float) -> None:
    known = {"a": a, "b": b, "c": c}
    assert Formula.parse("a*b - b/c + a**b").value(known) == a * b - b / c + a**b
