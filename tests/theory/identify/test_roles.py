"""Tensors of one role narrow each other's sets to what they share."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from initcli.schemes import law as laws
from initcli.theory.identify.identity import Fit, Identity, Kind
from initcli.theory.identify.roles import narrowed

Sets = Mapping[str, tuple[tuple[str, ...], ...]]


def consistent(fits: tuple[tuple[str, ...], ...]) -> Identity:
    """Returns a verdict of one law for each group of schemes."""
    kept = tuple(
        Fit(laws.normal(0, number + 1.0), schemes, 0.5, "mean", -float(number))
        for number, schemes in enumerate(fits)
    )
    return Identity(Kind.CONSISTENT, 1e-3, kept)


CASES: dict[str, tuple[Sets, Sets]] = {
    "the same set": (
        {"h.0.w": (("a", "b"),), "h.1.w": (("a", "b"),)},
        {"h.0.w": (("a", "b"),), "h.1.w": (("a", "b"),)},
    ),
    "what all share": (
        {"h.0.w": (("a", "b"), ("c",)), "h.1.w": (("b", "d"), ("c",)), "h.2.w": (("b",), ("c",))},
        dict.fromkeys(("h.0.w", "h.1.w", "h.2.w"), (("b",), ("c",))),
    ),
    "two are no role": (
        {"h.0.w": (("a",), ("b",)), "h.1.w": (("b",),)},
        {"h.0.w": (("a",), ("b",)), "h.1.w": (("b",),)},
    ),
    "three of which one is apart": (
        {"h.0.w": (("a", "b"),), "h.1.w": (("a", "b"),), "h.2.w": (("c",),)},
        {"h.0.w": (("a", "b"),), "h.1.w": (("a", "b"),), "h.2.w": (("c",),)},
    ),
    "another role": (
        {"h.0.w": (("a", "b"),), "h.1.v": (("a",),)},
        {"h.0.w": (("a", "b"),), "h.1.v": (("a",),)},
    ),
    "alone in its role": ({"h.0.w": (("a", "b"),)}, {"h.0.w": (("a", "b"),)}),
}


@pytest.mark.parametrize(("sets", "expected"), CASES.values(), ids=CASES)
def test_sets_are_cut_to_what_a_role_shares(sets: Sets, expected: Sets) -> None:
    before = {name: consistent(each) for name, each in sets.items()}
    after = narrowed(before, dict.fromkeys(before, (4, 4)))
    assert list(after) == list(before)
    for name, one in after.items():
        assert tuple(fit.schemes for fit in one.fits) == expected[name]
        was_cut = expected[name] != sets[name]
        assert one.shared_by == (len(sets) if was_cut else 0)
        # Laws keep their p-values and order.
        assert {fit.law: fit.p for fit in one.fits}.items() <= {
            fit.law: fit.p for fit in before[name].fits
        }.items()


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CONSISTENT])
def test_other_verdicts_neither_narrow_nor_are_narrowed(kind: Kind) -> None:
    other = Identity(kind, 1e-3, consistent((("c",),)).fits)
    before = {
        "h.0.w": consistent((("a", "b"),)),
        "h.1.w": consistent((("b",),)),
        "h.2.w": other,
        "h.3.w": consistent((("a", "b"),)),
    }
    after = narrowed(before, dict.fromkeys(before, (4, 4)))
    assert after["h.2.w"] is other
    assert after["h.0.w"].schemes == after["h.1.w"].schemes == ("b",)


def test_tensors_of_another_shape_play_another_role() -> None:
    before = {f"{number}.w": consistent((("a", "b"),)) for number in range(2)}
    before["2.w"] = consistent((("b",),))
    shapes = {"0.w": (4, 4), "1.w": (4, 4), "2.w": (2, 4)}
    assert narrowed(before, shapes) == before
