from __future__ import annotations

import pytest

from initcli.core.errors import NotApplicableError, OptionError
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.layers import layers_of
from initcli.recipes.selector import Selector
from raw import spec

SPECS = {
    each.name: each
    for each in (
        spec("fc.weight", 8, 4),
        spec("fc.bias", 8),
        spec("norm.weight", 8),
        spec("norm.bias", 8),
        spec("conv.weight", 8, 4, 3),
        spec("mask.bias", 4, 4),
        spec("steps", code="I64"),
        spec("void.weight", 0, 4),
        spec("packed.weight", 4, 4, code="F4"),
    )
}


def assigned(
    scheme: str | None = None,
    bias: str | None = None,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
) -> dict[str, Assignment]:
    plan = Plan.of(Asked(scheme, bias), Selector.of(include, exclude))
    return plan.assign(SPECS, layers_of(SPECS), plan.selector.choose(list(SPECS)))


def schemes_of(assignments: dict[str, Assignment]) -> dict[str, str]:
    return {name: each.scheme for name, each in assignments.items() if each.draw}


WEIGHTS = {"fc.weight": "normal", "conv.weight": "normal"}
PLANS = [
    ({"scheme": "normal"}, WEIGHTS),
    ({"scheme": "normal", "bias": "zeros"}, WEIGHTS | {"fc.bias": "zeros"}),
    ({"bias": "zeros"}, {"fc.bias": "zeros"}),
    ({"scheme": "normal", "include": ("norm.weight",)}, {"norm.weight": "normal"}),
    (
        {"scheme": "normal", "include": ("*.bias",)},
        dict.fromkeys(["fc.bias", "norm.bias", "mask.bias"], "normal"),
    ),
    (
        {"scheme": "normal", "bias": "zeros", "include": ("*.bias",)},
        {"fc.bias": "zeros", "norm.bias": "zeros", "mask.bias": "normal"},
    ),
    ({"bias": "zeros", "include": ("fc.*",)}, {"fc.bias": "zeros"}),
    ({"scheme": "normal", "exclude": ("conv*",)}, {"fc.weight": "normal"}),
    ({"scheme": "eye"}, {"fc.weight": "eye"}),
    ({"scheme": "dirac"}, {"conv.weight": "dirac"}),
    ({}, {}),
]


@pytest.mark.parametrize(("arguments", "expected"), PLANS)
def test_a_plan_gives_each_tensor_its_scheme(
    arguments: dict[str, str], expected: dict[str, str]
) -> None:
    assert schemes_of(assigned(**arguments)) == expected


REASONS = {
    "norm.weight": ("normalisation weight, left to its layer", False),
    "steps": ("neither weight nor bias, left to its layer", False),
    "void.weight": ("it holds no values", True),
    "conv.weight": ("it needs 2 dimensions, this tensor has 3", True),
}


@pytest.mark.parametrize(("name", "expected"), REASONS.items())
def test_what_is_left_alone_says_why(name: str, expected: tuple[str, bool]) -> None:
    assignment = assigned("eye")[name]
    assert assignment.draw is None
    assert (assignment.reason, assignment.is_skip) == expected
    assert bool(assignment.scheme) == assignment.is_skip


def test_what_is_not_selected_says_so() -> None:
    assert assigned("normal", include=("fc.*",))["conv.weight"].reason == "not selected"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("steps", "I64 values cannot be drawn"),
        ("packed.weight", "F4 values cannot be drawn"),
        ("void.weight", "holds no values"),
        ("fc.bias", "needs at least 2 dimensions"),
    ],
)
def test_a_tensor_meant_by_its_name_must_be_drawable(name: str, reason: str) -> None:
    with pytest.raises(NotApplicableError, match=reason) as caught:
        assigned("xavier_normal", include=(name,))
    assert caught.value.where == name


def test_a_tensor_met_by_a_pattern_is_skipped() -> None:
    assignment = assigned("xavier_normal", include=("*.bias",))["fc.bias"]
    assert (assignment.draw, assignment.is_skip) == (None, True)


def test_contradicting_parameters_fail_before_anything_is_drawn() -> None:
    with pytest.raises(OptionError, match="a must not exceed b") as caught:
        assigned("uniform(2, 1)")
    assert caught.value.where == "uniform(a=2.0, b=1.0) of fc.weight"


def test_a_plan_knows_whether_it_has_schemes() -> None:
    assert not Plan().has_schemes
    assert Plan.of(Asked(bias="zeros")).has_schemes
