from __future__ import annotations

import pytest

from initcli.core.errors import PatternError
from initcli.recipes.selector import Pattern, Selector

NAMES = ["tok.weight", "h.0.attn.weight", "h.0.attn.bias", "h.1.attn.weight", "x[0].weight"]

CHOICES = [
    ([], [], NAMES),
    (["tok.weight"], [], NAMES[:1]),
    (["*.weight"], [], [NAMES[0], NAMES[1], NAMES[3], NAMES[4]]),
    (["h.?.attn.weight"], [], [NAMES[1], NAMES[3]]),
    (["h.[!0].*"], [], [NAMES[3]]),
    (["h.[01].attn.weight"], [], [NAMES[1], NAMES[3]]),
    (["x[0].weight"], [], [NAMES[4]]),
    (["h.1.*", "tok*"], [], [NAMES[0], NAMES[3]]),
    (["h*", "h.0*"], [], NAMES[1:4]),
    ([], ["*.weight"], [NAMES[2]]),
    (["h.*"], ["*.bias"], [NAMES[1], NAMES[3]]),
    (["re:attn"], [], NAMES[1:4]),
    (["re:^h\\.\\d+\\.attn\\.weight$"], [], [NAMES[1], NAMES[3]]),
    ([], ["re:^h"], [NAMES[0], NAMES[4]]),
    (["re:(?i)TOK"], [], NAMES[:1]),
]


@pytest.mark.parametrize(("include", "exclude", "expected"), CHOICES)
def test_patterns_choose_in_the_order_of_names(
    include: list[str], exclude: list[str], expected: list[str]
) -> None:
    assert Selector.of(include, exclude).choose(NAMES) == expected


def test_a_glob_matches_the_whole_name() -> None:
    with pytest.raises(PatternError):
        Selector.of(["tok"]).choose(NAMES)
    with pytest.raises(PatternError):
        Selector.of(["weight"]).choose(NAMES)


@pytest.mark.parametrize("name", ["a\nb", "a b", "ünïcode", "\x1b[31m", "re:x", "a\\b", "*"])
def test_any_name_is_a_pattern_for_itself(name: str) -> None:
    assert Selector.of([name]).choose([name]) == [name]


ERRORS = [
    (["tok.wieght"], [], "no tensor matches", "tok.weight"),
    (["nothing.like.it"], [], "no tensor matches", "initcli stats lists the names"),
    (["tok.weight", "absent*"], [], "no tensor matches", ""),
    ([], ["absent*"], "no tensor matches", ""),
    (["tok.weight"], ["tok.*"], "exclude every tensor", "--exclude"),
    (["re:("], [], "not a regular expression", ""),
    (["re:a{99999999999999999999}"], [], "not a regular expression", ""),
    (["re:" + "(" * 5000], [], "not a regular expression", ""),
    (["["], [], "no tensor matches", ""),
]


@pytest.mark.parametrize(("include", "exclude", "message", "hint"), ERRORS)
def test_a_pattern_that_chooses_nothing_is_an_error(
    include: list[str], exclude: list[str], message: str, hint: str
) -> None:
    with pytest.raises(PatternError) as caught:
        Selector.of(include, exclude).choose(NAMES)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert len(caught.value.where) <= 200


def test_of_no_names_all_are_chosen() -> None:
    assert Selector().choose([]) == []


@pytest.mark.parametrize(
    ("text", "is_name"),
    [("a.b", True), ("a*", False), ("a?", False), ("a[0]", False), ("re:a", False), ("", True)],
)
def test_a_name_has_no_wildcard(text: str, *, is_name: bool) -> None:
    assert Pattern(text).is_name == is_name


def test_only_an_exact_name_names() -> None:
    selector = Selector.of(["a.b", "a.*", "re:a.c"], ["d"])
    assert selector.names("a.b")
    assert not any(map(selector.names, ["a.c", "a.*", "re:a.c", "d", "A.b"]))
