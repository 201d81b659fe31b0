"""Gives each tensor a scheme, or the reason why it has none: one plan for init and stats."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from initcli.core.dtypes import DType
from initcli.core.errors import NotApplicableError, OptionError
from initcli.core.tensor import TensorSpec
from initcli.core.text import did_you_mean, some, visible
from initcli.recipes.recipe import Recipe, load_recipe
from initcli.recipes.rule import Rule
from initcli.recipes.selector import Selector
from initcli.recipes.variables import (
    Variables,
    depths,
    of_config,
    of_names,
    parse_settings,
    with_defaults,
)
from initcli.schemes.layer import Layer, Role, UnfitError
from initcli.schemes.registry import Draw
from initcli.schemes.spec import SchemeSpec, parse_layout, parse_scheme

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
class Asked:
    """What a user wrote of how tensors are drawn, or expected to have been.

    Attributes:
        scheme: For weights.
        bias: For biases.
        parameters: Further parameters of the scheme, by name.
        recipe: A recipe's name or file, instead of schemes.
        layout: How units lie in what the scheme draws.
        settings: What names in formulas stand for, `n_layer=12` each.
    """

    scheme: str | None = None
    bias: str | None = None
    parameters: Mapping[str, str] | None = None
    recipe: str | None = None
    layout: str | None = None
    settings: Sequence[str] = ()

    def refuse_stray(self) -> None:
        """Refuses what goes with something that is not given.

        Raises:
            OptionError: There is such a thing.
        """
        if self.recipe and (self.scheme or self.bias):
            hint = "or write a recipe of your own, whose last rule wins: initcli recipes NAME"
            raise OptionError("either --recipe, or --scheme and --bias", hint=hint)
        for name in (*(self.parameters or {}), *(["layout"] if self.layout else [])):
            if not self.scheme:
                raise OptionError(f"{name} goes with a scheme, and no --scheme is given")

    def rules(self, *, is_named: bool) -> tuple[Rule, ...]:
        """Returns the rules that the schemes make.

        Args:
            is_named: Whether the user says which tensors are meant, so that roles count less.
        """
        rules = []
        if self.scheme:
            scheme = parse_scheme(self.scheme, self.parameters)
            layout = parse_layout(self.layout) if self.layout else None
            rules.append(Rule(scheme, roles=_ANY if is_named else _WEIGHTS, layout=layout))
        if self.bias:
            rules.append(Rule(parse_scheme(self.bias), roles=_SHIFTS if is_named else _BIASES))
        return tuple(rules)


_ANY: frozenset[Role] = frozenset()
_WEIGHTS = frozenset({Role.WEIGHT})
_BIASES = frozenset({Role.BIAS})
_SHIFTS = frozenset({Role.BIAS, Role.NORMALISATION_BIAS})


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
        depth, configured = depths(tuple(specs)), of_config(config)
        defaults = self.recipe.variables if self.recipe else {}

        def variables(name: str) -> Variables:
            counted = of_names(name, depth)
            own = {key: each for key, each in counted.items() if key in _OF_TENSORS}
            known = {**counted, **configured, **own, "size": specs[name].parameters}
            return with_defaults({**known, **self.settings}, defaults)

        return {
            name: self._assign(spec, layers[name], variables(name))
            if name in chosen
            else _NOT_SELECTED
            for name, spec in specs.items()
        }

    def _refuse_unasked(self) -> None:
        """Refuses a setting that no formula asks for: it would change nothing, unseen."""
        formulas = [each for rule in self.rules for each in rule.formulas]
        formulas += self.recipe.variables.values() if self.recipe else []
        asked = {name for each in formulas for name in each.variables}
        for name in self.settings:
            if name not in asked:
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
        except UnfitError as error:
            if self.selector.names(spec.name):
                message = f"{text}: {error}"
                raise NotApplicableError(message, where=visible(spec.name, 200)) from error
            return Assignment(scheme=text, reason=str(error), is_skip=True)

    def _unmatched(self, layer: Layer) -> Assignment:
        if self.recipe is None:
            return Assignment(reason=f"{layer.role.value}, left to its layer")
        return Assignment(reason=f"no rule of {self.recipe.name} matches", is_unmatched=True)


# What a configuration of that name says of a model is not what a tensor is asked for.
_OF_TENSORS = {"layer"}
_NOT_SELECTED = Assignment(reason="not selected")


def _fit(scheme: SchemeSpec, spec: TensorSpec, layer: Layer, variables: Variables) -> Draw:
    if not spec.dtype.is_drawable:
        raise UnfitError(f"{spec.dtype.code} values cannot be drawn")
    if not spec.parameters:
        raise UnfitError("it holds no values")
    return scheme.draw(layer, variables)
