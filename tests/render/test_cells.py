"""How values are written: significant digits for people, full precision for machines."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.render.cells import cell, number
from initcli.render.json_document import indented, plain
from initcli.reports.table import Column, Form


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3e-6, "3e-06"),
        (0.0, "0"),
        (0.02, "0.02"),
        (1234567.0, "1.235e+06"),
        (-0.000123456, "-0.0001235"),
        (7, "7"),
        (math.inf, "inf"),
    ],
)
def test_numbers_keep_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(-1e308, 1e308).filter(bool))
def test_no_number_but_zero_reads_as_zero(value: float) -> None:
    assert float(number(value)) != 0
    assert float(number(value)) == pytest.approx(value, rel=5e-4)


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (Form.SHAPE, (128, 64), "128×64"),
        (Form.SHAPE, (), "scalar"),
        (Form.COUNT, 1234567, "1,234,567"),
        (Form.NUMBER, None, ""),
        (Form.TEXT, "a\x1bb", "a\\x1bb"),
    ],
)
def test_cells_are_written_by_their_form(form: Form, value: object, text: str) -> None:
    assert cell(Column("key", form, 1), value) == text


@given(st.floats())
def test_json_numbers_round_trip_and_others_are_named(value: float) -> None:
    written = json.loads(json.dumps(plain({"x": value}), allow_nan=False))
    if math.isfinite(value):
        assert written == {"x": value}
    else:
        name = "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
        assert written == {"x": None, "non_finite": {"x": name}}


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
DOCUMENTS = st.recursive(
    st.dictionaries(st.text(max_size=9), SCALARS, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@given(st.dictionaries(st.text(max_size=9), DOCUMENTS | st.lists(st.integers(), max_size=3)))
def test_an_indented_document_is_what_python_would_write(document: dict[str, object]) -> None:
    assert indented(document) == json.dumps(plain(document), indent=2, allow_nan=False)


def test_a_list_holds_no_number_that_json_has_not() -> None:
    with pytest.raises(ValueError, match="JSON"):
        indented({"x": [math.nan]})
