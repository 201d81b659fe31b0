"""What a user writes of how tensors are drawn, or expected to have been, as rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from initcli.core.errors import OptionError
from initcli.recipes.rule import Rule
from initcli.schemes.layer import Role
from initcli.schemes.spec import parse_layout, parse_scheme


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
