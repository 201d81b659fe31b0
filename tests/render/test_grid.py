"""Tables drawn line by line: aligned, within the width, and nothing lost of a name."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from initcli.render.columns import fitting, narrowed, written
from initcli.render.grid import folded, grid_lines
from initcli.render.paint import coloured, plain
from initcli.reports.table import Column, Form, Table

COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("std", Form.NUMBER, 90),
    Column("nan", Form.COUNT, 10, is_urgent=True),
    Column("verdict", Form.TEXT, 80),
)
WIDE = "权重.weight"


def row(name: str, std: float | None = 0.5, nan: int = 0, verdict: str | None = "ok") -> object:
    return SimpleNamespace(name=name, std=std, nan=nan, verdict=verdict)


def table(*rows: object, total: object = None) -> Table:
    return Table(COLUMNS, rows, tuple(column.key for column in COLUMNS), total)


def lines(of: Table, room: int | None = None) -> list[str]:
    return list(grid_lines(fitting(written(of), room), room, plain))


def test_cells_are_aligned_and_the_total_stands_apart() -> None:
    drawn = lines(table(row("a.weight"), row("b", nan=1234), total=row("2 tensors", None, 9, None)))
    assert drawn == [
        "name       std    nan  verdict",
        "──────────────────────────────",
        "a.weight   0.5      0  ok",
        "b          0.5  1,234  ok",
        "",
        "2 tensors           9",
    ]


def test_wide_characters_take_two_places() -> None:
    drawn = lines(table(row(WIDE), row("narrow.weight")))
    assert len({cell_len(line) for line in drawn[2:]}) == 1
    assert drawn[2].startswith(f"{WIDE}    0.5")


@pytest.mark.parametrize("name", ["x" * 500, WIDE * 40, "a b " * 50])
@pytest.mark.parametrize("room", [10, 20, 41, 80])
def test_a_long_name_goes_on_in_further_lines(name: str, room: int) -> None:
    drawn = lines(table(row(name)), room)
    assert len(drawn) > 3
    assert max(map(cell_len, drawn)) <= room
    alone = Table(COLUMNS[:1], (row(name),), ("name",))
    assert "".join(lines(alone, room)[2:]).replace(" ", "") == name.replace(" ", "")


def test_what_is_urgent_is_shown_however_narrow() -> None:
    assert "nan" not in lines(table(row("name" * 4)), 24)[0]
    assert "nan" in lines(table(row("name" * 4, nan=1)), 24)[0]


def test_only_outcomes_are_coloured() -> None:
    *_, first, second = grid_lines(
        written(table(row("ok", verdict="mean off"), row("off"))), None, coloured
    )
    assert first == "ok    0.5    0  \x1b[31mmean off\x1b[0m"
    assert second == "off   0.5    0  \x1b[32mok      \x1b[0m"


def test_a_folded_outcome_keeps_its_colour() -> None:
    name, *_, verdict = written(table(row("x" * 9, verdict="mean and variance off")))
    *_, first, second = grid_lines([name, verdict], 24, coloured)
    assert first == "xxxxxxxxx  \x1b[31mmean and vari\x1b[0m"
    assert second == "           \x1b[31mance off     \x1b[0m"


@given(st.text(max_size=40), st.integers(2, 20))
def test_folding_loses_nothing_and_fits(text: str, width: int) -> None:
    pieces = folded(text, width)
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= width for piece in pieces)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=8), st.integers(1, 300))
def test_widths_are_cut_from_the_widest_only(widths: list[int], room: int) -> None:
    cut = narrowed(widths, room)
    most = max(cut)
    gaps = 2 * (len(widths) - 1)
    assert all(new in {old, most} and new <= old for new, old in zip(cut, widths, strict=True))
    assert sum(cut) + gaps <= max(room, len(widths) + gaps)
