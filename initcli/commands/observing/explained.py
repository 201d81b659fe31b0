"""Which built-in recipes speak of a checkpoint, and which of them explain what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from initcli.checks.observation import Observation
from initcli.core.errors import InitcliError
from initcli.core.tensor import TensorSpec
from initcli.core.text import plural, some, visible
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.recipe import builtin_names
from initcli.recipes.variables import Known, with_defaults
from initcli.schemes.law import Fixed, Law
from initcli.schemes.layer import Layer
from initcli.theory.identify.agree import agrees

# A recipe that speaks of fewer tensors is another model's, and one that fits fewer is refuted.
_MOST = 0.9
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a recipe says of a checkpoint.

    Attributes:
        name: The recipe's.
        assignments: What it gives each tensor.
        named: How many of its rules know tensors by name, and find one.
        variables: What its own variables stand for, as a reader may write it.
    """

    name: str
    assignments: Mapping[str, Assignment]
    named: int
    variables: str


def recipes_of(
    specs: Mapping[str, TensorSpec], layers: Mapping[str, Layer], config: Mapping[str, object]
) -> list[Spoken]:
    """Returns the recipes whose rules speak of nearly all of a checkpoint's tensors.

    A recipe that asks for what neither names nor the configuration tell says nothing.
    """
    known = Known.of(specs, config)
    told = (_spoken(name, specs, layers, config, known) for name in builtin_names())
    return [each for each in told if each is not None]


def suggested_by(recipes: Sequence[Spoken]) -> dict[str, dict[str, Law]]:
    """Returns the laws that recipes give each tensor, by scheme and recipe."""
    laws: dict[str, dict[str, Law]] = {}
    for recipe in recipes:
        for name, one in recipe.assignments.items():
            if one.draw:
                laws.setdefault(name, {})[f"{one.scheme} of {recipe.name}"] = one.draw.law
    return laws


def explanation(recipes: Sequence[Spoken], seen: Sequence[Observation]) -> tuple[str, ...]:
    """Returns what a reader is told of the recipes that explain most; nothing where none does.

    Of those that fit equally well, the ones are named that know the most tensors by name.

    Args:
        recipes: Those that speak of the checkpoint.
        seen: Its tensors, identified.
    """
    held = [_held(recipe, seen) for recipe in recipes]
    good = [each for each in held if each.drawn and len(each.off) <= (1 - _MOST) * each.count]
    if not good:
        return ()
    rank = min(each.rank for each in good)
    best = [each for each in good if each.rank == rank]
    return (_text(best),)


@dataclass(frozen=True, slots=True)
class _Held:
    """A checkpoint held against a recipe: of how many tensors, and which are not as it says.

    Those that are drawn, and are as it says, are its evidence: zeros and ones are anyone's.
    """

    recipe: Spoken
    count: int
    off: list[str]
    drawn: int

    @property
    def rank(self) -> tuple[int, int]:
        return len(self.off), -self.recipe.named


def _spoken(
    name: str,
    specs: Mapping[str, TensorSpec],
    layers: Mapping[str, Layer],
    config: Mapping[str, object],
    known: Known,
) -> Spoken | None:
    plan = Plan.of(Asked(recipe=name))
    named = [rule for rule in plan.rules if rule.selector.include and rule.scheme is not None]
    found = sum(any(rule.matches(layer) for layer in layers.values()) for rule in named)
    if named and not found:
        return None  # it is of models that call their tensors otherwise
    matched = sum(any(rule.matches(layer) for rule in plan.rules) for layer in layers.values())
    if matched < _MOST * len(layers) or plan.recipe is None:
        return None
    try:
        assignments = plan.assign(specs, layers, specs, config)
        variables = with_defaults(known.configured, plan.recipe.variables)
    except InitcliError:
        return None  # nothing tells a variable that it asks for
    told = (f"{key} = {variables[key]:.6g}" for key in plan.recipe.variables if key in variables)
    return Spoken(name, assignments, found, ", ".join(told))


def _held(recipe: Spoken, seen: Sequence[Observation]) -> _Held:
    off, count, drawn = [], 0, 0
    for one in seen:
        draw = recipe.assignments[one.tensor].draw
        if draw is None or one.summary is None or one.identity is None:
            continue
        is_as_said = agrees(draw.law, one.spec.dtype, one.summary, one.identity)
        count += is_as_said is not None
        drawn += is_as_said is True and draw.law.fixed is not Fixed.EVERYTHING
        if is_as_said is False:
            off.append(visible(one.tensor, _LONGEST))
    return _Held(recipe, count, off, drawn)


def _text(best: Sequence[_Held]) -> str:
    first = best[0]
    names = [
        f"{each.recipe.name} ({each.recipe.variables})"
        if each.recipe.variables
        else each.recipe.name
        for each in best
    ]
    agreed = f"{first.count - len(first.off):,} of {plural(first.count, 'tensor')}"
    but = f"; not {some(first.off)}" if first.off else ""
    recipes = "recipe" if len(names) == 1 else "recipes"
    return f"statistically consistent with {recipes} {some(names)}: {agreed}{but}"
