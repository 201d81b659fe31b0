"""Gives each tensor a scheme, or the reason why it has none: one plan for init and stats."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from initcli.core.dtypes import DType
from initcli.core.errors import NotApplicableError, OptionError
from initcli.core.tensor import TensorSpec
from initcli.core.text import did_you_mean, some, visible
from initcli.recipes.asked import Asked
from initcli.recipes.misfits import misfits
from initcli.recipes.recipe import Recipe, load_recipe
from initcli.recipes.rule import Rule
from initcli.recipes.selector import Selector
from initcli.recipes.variables import (
    Known,
    Variables,
    of_config,
    parse_settings,
    with_defaults,
)
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import Draw
from initcli.schemes.spec import SchemeSpec

_EMPTY: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Assignment:
    """What happens to a tensor.

    Attributes:
        draw: How it is drawn; None if it is left as it is.
        scheme: The scheme as a user may write it; empty if none was meant for it.
        reason: Why it is left as it is.
        is_skip: Whether a scheme was meant for it and cannot apply.
        is_unmatched: Whether a recipe was given and no rule speaks of it.
        dtype: What its rule wants it stored in.
    """

    draw: Draw | None = None
    scheme: str = ""
    reason: str = ""
    is_skip: bool = False
    is_unmatched: bool = False
    dtype: DType | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a user asked for: rules, and which tensors they may speak of.

    Attributes:
        rules: In order; the last that matches a tensor decides.
        selector: What is selected.
        settings: Variables that the user gave.
        recipe: Where the rules come from; None for the command line.
    """

    rules: tuple[Rule, ...] = ()
    selector: Selector = field(default_factory=Selector)
    settings: Variables = field(default_factory=dict)
    recipe: Recipe | None = None

    @classmethod
    def of(cls, asked: Asked, selector: Selector | None = None) -> Plan:
        """Builds a plan from what users write.

        Without include patterns the scheme goes to weights, and biases and normalisations are
        left to their layers' defaults. What an include pattern matches is meant, whatever its
        role.

        Raises:
            OptionError: A scheme or parameter means nothing, or parameters have no scheme.
            RecipeError: The recipe is absent or malformed.
        """
        asked.refuse_stray()
        selector = selector or Selector()
        recipe = load_recipe(asked.recipe) if asked.recipe else None
        rules = recipe.rules if recipe else asked.rules(is_named=bool(selector.include))
        return cls(rules, selector, parse_settings(asked.settings), recipe)

    @property
    def has_schemes(self) -> bool:
        """Whether there is anything to draw or expect."""
        return bool(self.rules)

    @property
    def needs_config(self) -> bool:
        """Whether a formula may ask for what a model's configuration says."""
        given = (each for rule in self.rules for each in rule.formulas)
        return self.recipe is not None or any(each.variables for each in given)

    @property
    def name(self) -> str:
        """What the user asked for, in short."""
        if self.recipe:
            return f"recipe {self.recipe.name}"
        return ", ".join(rule.scheme.text for rule in self.rules if rule.scheme)

    def assign(
        self,
        specs: Mapping[str, TensorSpec],
        layers: Mapping[str, Layer],
        chosen: Collection[str],
        config: Mapping[str, object] = _EMPTY,
    ) -> dict[str, Assignment]:
        """Returns every tensor's assignment by name.

        Args:
            specs: The tensors of one source.
            layers: What each is to its layer.
            chosen: The names that the selector chose, among the names of all sources.
            config: The model's configuration, whose numbers formulas may use.

        Raises:
            NotApplicableError: A tensor that was selected by its name cannot be drawn.
            OptionError: A scheme's parameters contradict each other.
        """
        self._refuse_unasked()
        known = Known.of(specs, config, self.settings)
        defaults = self.recipe.variables if self.recipe else {}

        def variables(name: str) -> Variables:
            return with_defaults(known.of_tensor(specs[name]), defaults)

        found = {
            name: self._assign(spec, layers[name], variables(name))
            if name in chosen
            else _NOT_SELECTED
            for name, spec in specs.items()
        }
        draws = {name: one.draw for name, one in found.items() if one.draw}
        return found | {
            name: self._unfit(found[name].scheme, name, UnfitError(reason))
            for name, reason in misfits(draws).items()
        }

    def _refuse_unasked(self) -> None:
        """Refuses a setting that no formula asks for: it would change nothing, unseen."""
        formulas = [each for rule in self.rules for each in rule.formulas]
        formulas += self.recipe.variables.values() if self.recipe else []
        asked = {name for each in formulas for name in each.variables}
        for name in self.settings:
            if asked.isdisjoint(of_config({name: self.settings[name]})):
                hint = did_you_mean(name, asked) or f"they ask for {', '.join(sorted(asked))}"
                hint = hint if asked else ""
                raise OptionError(f"--set: no formula asks for {name}", where=self.name, hint=hint)

    def remarks(
        self, assignments: Mapping[str, Assignment], layers: Mapping[str, Layer]
    ) -> tuple[str, ...]:
        """Returns what a reader should know of this plan: idle rules, and what schemes remark."""
        named: dict[str, list[str]] = {}
        for name, one in assignments.items():
            if one.draw and one.draw.remark:
                named.setdefault(one.draw.remark, []).append(visible(name, 80))
        said = (f"{remark}: {some(names)}" for remark, names in named.items())
        return (*self._idle(layers), *said)

    def _idle(self, layers: Mapping[str, Layer]) -> list[str]:
        if self.recipe is None:
            return []
        idle = [
            f"{number} ({visible(rule.text, 120)})"
            for number, rule in enumerate(self.rules, 1)
            if not any(rule.matches(layer) for layer in layers.values())
        ]
        return [f"rules of {self.recipe.name} that match nothing: {', '.join(idle)}"] * bool(idle)

    def _assign(self, spec: TensorSpec, layer: Layer, variables: Variables) -> Assignment:
        rule = next((rule for rule in reversed(self.rules) if rule.matches(layer)), None)
        if rule is None:
            return self._unmatched(layer)
        if rule.scheme is None:
            return Assignment(reason="left as it is by the recipe")
        text = rule.scheme.text
        try:
            draw = _fit(rule.scheme, spec, rule.seen(layer), variables)
            return Assignment(rule.drawn(draw, layer, variables), text, dtype=rule.dtype)
        except OptionError as error:
            where = self._place(rule, spec)
            raise OptionError(error.message, where=where, hint=error.hint) from error
        except UnfitError as error:
            return self._unfit(text, spec.name, error)

    def _unfit(self, text: str, name: str, error: UnfitError) -> Assignment:
        """Leaves a tensor as it is that a scheme cannot draw, unless it was asked for by name."""
        if self.selector.names(name):
            raise NotApplicableError(f"{text}: {error}", where=visible(name, 200)) from error
        return Assignment(scheme=text, reason=str(error), is_skip=True)

    def _place(self, rule: Rule, spec: TensorSpec) -> str:
        """Names what a formula or parameter was worked out for."""
        number = self.rules.index(rule) + 1
        origin = f"{self.recipe.name}, rule {number}: " if self.recipe else ""
        text = rule.scheme.text if rule.scheme else ""
        return f"{origin}{text} of {visible(spec.name, 120)}"

    def _unmatched(self, layer: Layer) -> Assignment:
        if self.recipe is None:
            return Assignment(reason=f"{layer.role.value}, left to its layer")
        return Assignment(reason=f"no rule of {self.recipe.name} matches", is_unmatched=True)


_NOT_SELECTED = Assignment(reason="not selected")


def _fit(scheme: SchemeSpec, spec: TensorSpec, layer: Layer, variables: Variables) -> Draw:
    if not spec.dtype.is_drawable:
        raise UnfitError(f"{spec.dtype.code} values cannot be drawn")
    if not spec.parameters:
        raise UnfitError("it holds no values")
    return scheme.draw(layer, variables)
