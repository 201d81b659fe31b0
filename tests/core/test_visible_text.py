from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.core.text import did_you_mean, inert, plural, visible

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("layers.0.weight", "layers.0.weight"),
        ("Gewicht-äöü-重み", "Gewicht-äöü-重み"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\r\nb\t", r"a\r\nb\t"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u200b\ufeff", r"\u200b\ufeff"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("", ""),
        ("##[error]x", r"\x23#[error]x"),
        ("a ###vso[task.x]", r"a #\x23#vso[task.x]"),
        ("## heading [1] #[2]", "## heading [1] #[2]"),
    ],
)
def test_what_acts_on_a_terminal_is_escaped_and_what_can_be_read_is_not(
    text: str, shown: str
) -> None:
    assert visible(text) == shown


@given(text=ANY_TEXT, limit=st.none() | st.integers(1, 30))
def test_nothing_invisible_is_left_and_no_limit_is_passed(text: str, limit: int | None) -> None:
    shown = visible(text, limit)
    assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"}]
    assert limit is None or len(shown) <= limit
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error::x", r"\x3a:error::x"),
        (" \u00a0::error::x", " \u00a0" + r"\x3a:error::x"),
        ("\x1b[1m ::error::x", "\x1b[1m " + r"\x3a:error::x"),
        ("a::b", "a::b"),
        (": :", ": :"),
    ],
)
def test_a_line_that_a_runner_would_obey_is_escaped(line: str, shown: str) -> None:
    assert inert(line) == shown
    assert inert(shown) == shown


@given(ANY_TEXT)
def test_what_is_shown_can_be_shown_again(text: str) -> None:
    assert visible(visible(text)) == visible(text)


def test_what_is_cut_is_marked() -> None:
    assert visible("abcdef", 4) == "abc…"
    assert visible("abcd", 4) == "abcd"
    assert visible("\x1b" * 9, 6) == r"\x1b\…"


def test_the_closest_words_are_offered() -> None:
    assert did_you_mean("kaming", ["kaiming", "zeros"]) == "did you mean kaiming?"
    assert did_you_mean("q", ["kaiming", "zeros"]) == ""
    assert "\x1b" not in did_you_mean("ab\x1b", ["ab\x1bc"])


def test_many_long_names_are_searched_at_once() -> None:
    start = time.process_time()
    did_you_mean("a" * 10_000, ("a" * 9_999 + str(number % 10) for number in range(10_000)))
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 tensors"), (1, "1 tensor"), (2000, "2,000 tensors")]
)
def test_a_count_agrees_with_its_noun(count: int, text: str) -> None:
    assert plural(count, "tensor") == text
