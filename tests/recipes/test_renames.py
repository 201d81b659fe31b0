"""Renames are read, refused and proposed by rules that are told."""

from __future__ import annotations

import re
import time

import pytest

from initcli.core.errors import OptionError
from initcli.recipes.name_pairs import Names, by_prefix
from initcli.recipes.renames import Rename, idle, new_names
from initcli.recipes.templates import explained, literal


@pytest.mark.parametrize(
    ("text", "name", "became"),
    [
        (r"^module\.=", "module.fc.weight", "fc.weight"),
        (r"^h\.(\d+)\.=blocks.\1.", "h.11.ln.weight", "blocks.11.ln.weight"),
        (r"^=model.", "fc.weight", "model.fc.weight"),
        (r"\b_orig_mod\.=", "a._orig_mod.b._orig_mod.c", "a.b.c"),
        (r"x(?=\.y)=z", "x.y.x", "z.y.x"),  # the last = parts the two
        (r"(?P<n>\d)=[\g<n>]", "a1", "a[1]"),
    ],
)
def test_a_rename_replaces_as_re_sub_does(text: str, name: str, became: str) -> None:
    rename = Rename.parse(text)
    assert rename.apply(name) == became
    assert rename.text == text
    regex, _, replacement = text.rpartition("=")
    assert became == re.sub(regex, replacement, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("module", "not a rename"),
        ("=x", "not a rename"),
        ("a(b=c", "missing ), unterminated subpattern at position 1"),
        (r"a=\1", "invalid group reference 1 at position 1"),
        (r"a=\g<n>", "unknown group name 'n'"),
        (r"a=\q", r"bad escape \\q at position 0"),
    ],
)
def test_what_is_no_rename_is_refused_with_its_position(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message).replace(r"\\\\", r"\\")) as refused:
        Rename.parse(text)
    assert "REGEX=REPLACEMENT" in refused.value.hint


def test_two_names_that_fall_on_one_are_both_named() -> None:
    with pytest.raises(OptionError, match=r"both a\.1\.w and a\.2\.w are a\.w"):
        new_names([Rename.parse(r"\d\.=")], ["a.1.w", "b.1.w", "a.2.w"])
    with pytest.raises(OptionError, match="nothing is left"):
        new_names([Rename.parse(".*=")], ["w"])


def test_a_tensor_without_a_name_stays_so() -> None:
    assert new_names([Rename.parse("a=b")], ["", "a"]) == {"": "", "a": "b"}
    names = Names({"x": (2,), "y": (2,)}, {"module.": (1,), "module.x": (2,), "": (3,)})
    assert not by_prefix(names)


def test_a_rename_is_idle_after_those_before_it() -> None:
    renames = [Rename.parse(text) for text in ("a=b", "a=c", "b=d")]
    assert idle(renames, ["a", "x"]) == [renames[1]]


def shapes(*names: str) -> dict[str, tuple[int, ...]]:
    return {name: (len(name.rpartition(".")[2]), 2) for name in names}


LAYERS = [f"layers.{i}.{part}.{kind}" for i in range(12) for part in "qkvo" for kind in ("w", "bb")]


@pytest.mark.parametrize(
    ("of_a", "of_b", "texts"),
    [
        ("{}", "module.{}", [r"^module\."]),
        ("model.{}", "{}", ["^"]),
        ("model.{}", "transformer.{}", [r"^transformer\."]),
        ("{}", "module._orig_mod.{}", [r"^module\._orig_mod\."]),
        ("a.b.c.{}", "x.{}", [r"^x\."]),
    ],
)
def test_prefixes_are_found(of_a: str, of_b: str, texts: list[str]) -> None:
    names = Names(shapes(*map(of_a.format, LAYERS)), shapes(*map(of_b.format, LAYERS)))
    found = by_prefix(names)
    assert [rename.regex.pattern for rename, _ in found] == texts
    assert sum(len(gained) for _, gained in found) == len(LAYERS)


def test_a_prefix_leaves_alone_what_is_paired() -> None:
    a = shapes("head.w", *(f"model.{each}" for each in LAYERS))
    b = shapes("head.w", *LAYERS)
    ((rename, gained),) = by_prefix(Names(a, b))
    assert len(gained) == len(LAYERS)
    assert rename.apply("head.w") == "head.w"


def test_a_prefix_of_few_is_not_proposed() -> None:
    a = shapes(*LAYERS, "y.one.w")
    assert not by_prefix(Names(a, shapes(*(f"other{i}.w" for i in range(9)), "x.one.w")))


def test_a_prefix_of_all_is_proposed_though_it_pairs_few() -> None:
    b = [f"module.{name.replace('layers', 'blocks')}" for name in LAYERS]
    found = by_prefix(Names(shapes("e.w", *LAYERS), shapes("module.e.w", *b)))
    assert [(rename.text, len(gained)) for rename, gained in found] == [
        (r"^module\.blocks\.=layers.", len(LAYERS)),
        (r"^module\.=", 1),
    ]


def test_shapes_must_agree() -> None:
    b = {f"module.{name}": (99,) for name in LAYERS}
    assert not by_prefix(Names(shapes(*LAYERS), b))


def wrapped(name: str) -> str:
    return name.replace("layers.", "blocks.").replace(".q.", ".attn.query.")


def test_one_rename_explains_many_pairs() -> None:
    a, b = LAYERS, [wrapped(name) for name in LAYERS]
    found, rest = explained(dict(zip(b, a, strict=True)), Names(shapes(*a), shapes(*b)))
    assert not rest
    assert [rename.text for rename, _ in found] == [
        r"^blocks\.=layers.",
        r"^layers\.(\d+)\.attn\.query\.=layers.\1.q.",
    ]
    became = new_names([rename for rename, _ in found], b)
    assert list(became.values()) == a


@pytest.mark.parametrize(
    ("b", "a", "text"),
    [
        ("h.{0}.mlp.0.w", "blocks.{0}.fc.w", r"^h\.(\d+)\.mlp\.0\.=blocks.\1.fc."),
        ("s{1}.b{0}.w", "stage.{0}.{1}.w", r"^s(\d+)\.b(\d+)\.=stage.\2.\1."),
        ("x{0}", "y{0}", r"^x(\d+)$=y\1"),
    ],
)
def test_numbers_that_vary_are_groups(b: str, a: str, text: str) -> None:
    numbers = [(i, 9 - i) for i in range(4)]
    pairs = {b.format(*each): a.format(*each) for each in numbers}
    names = Names(shapes(*pairs.values()), dict.fromkeys(pairs, (1, 2)))
    names = Names(dict.fromkeys(pairs.values(), (1, 2)), names.b)
    found, rest = explained(pairs, names)
    assert [rename.text for rename, _ in found] == [text]
    assert not rest


def test_what_has_nothing_in_common_is_left() -> None:
    pairs = {"alpha": "one", "beta": "two"}
    names = Names(dict.fromkeys(pairs.values(), (1,)), dict.fromkeys(pairs, (1,)))
    assert explained(pairs, names) == ([], pairs)


def test_many_names_of_one_tail_cost_little() -> None:
    a = shapes(*(f"a{i}.b.weight" for i in range(20_000)))
    b = shapes(*(f"c{i * 7}.d.weight" for i in range(20_000)))
    start = time.process_time()
    by_prefix(Names(a, b))
    assert time.process_time() - start < 60  # squared, it would take hours


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        (("a.b", "c"), r"^a\.b$=c"),
        (("a", "c\\1"), r"^a$=c\\1"),
        (("a", "c=d"), None),
        (("a\n", "c"), None),
        (("a", ""), None),
    ],
)
def test_one_name_is_renamed_where_that_can_be_written(
    pair: tuple[str, str], text: str | None
) -> None:
    rename = literal(*pair)
    assert (rename and rename.text) == text
    assert rename is None or rename.apply(pair[0]) == pair[1]


@pytest.mark.parametrize("name", ["a\nb.w", "a\u202eb.w", "x=y.w", "." * 3000, "\\1.w"])
def test_hostile_names_are_proposed_only_as_what_can_be_pasted(name: str) -> None:
    names = Names({f"{name}.{each}": (2,) for each in "abc"}, dict.fromkeys("abc", (2,)))
    for rename, gained in by_prefix(names):
        assert rename.text.isprintable()
        assert new_names([Rename.parse(rename.text)], gained) == gained
