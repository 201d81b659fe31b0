"""One line of a recipe: which tensors, and what becomes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from initcli.core.dtypes import DType
from initcli.recipes.selector import Selector
from initcli.schemes.arithmetic import Formula
from initcli.schemes.layer import Layer, Role
from initcli.schemes.layout import Layout, UnfitError
from initcli.schemes.padding import with_zero_row
from initcli.schemes.registry import Draw
from initcli.schemes.spec import SchemeSpec


@dataclass(frozen=True, slots=True)
class Rule:
    """A selector and what it selects a tensor for.

    Attributes:
        scheme: How it is drawn; None leaves it as it is.
        selector: By name.
        module: A glob over the class name of the module that holds it; empty for any, and where
            classes are not known only an empty one matches.
        roles: What it may be to its layer; empty for anything.
        layout: How units lie in it; None for what is known of its layer.
        dtype: What it is stored in when drawn; None for its own.
        zero_row: Which row of it is zero, such as that of a padding token; None for none.
        note: What a reader should know of it.
    """

    scheme: SchemeSpec | None = None
    selector: Selector = field(default_factory=Selector)
    module: str = ""
    roles: frozenset[Role] = frozenset()
    layout: Layout | None = None
    dtype: DType | None = None
    zero_row: Formula | None = None
    note: str = ""

    @property
    def condition(self) -> str:
        """Which tensors it speaks of, in one line."""
        excluded = ", ".join(pattern.text for pattern in self.selector.exclude)
        parts = (
            ", ".join(pattern.text for pattern in self.selector.include),
            excluded and f"but not {excluded}",
            self.module and f"module {self.module}",
            f"every {' or '.join(sorted(role.value for role in self.roles))}" if self.roles else "",
        )
        return "; ".join(filter(None, parts)) or "*"

    @property
    def outcome(self) -> str:
        """What becomes of them."""
        return self.scheme.text if self.scheme else "left as it is"

    @property
    def text(self) -> str:
        """The rule in one line, for messages."""
        return f"{self.condition}: {self.outcome}"

    @property
    def formulas(self) -> list[Formula]:
        """Everything of it that is still to be worked out."""
        given = self.scheme.formulas.values() if self.scheme else ()
        return [*given, *([self.zero_row] if self.zero_row else [])]

    def matches(self, layer: Layer) -> bool:
        """Whether it speaks of a tensor."""
        return (
            (not self.roles or layer.role in self.roles)
            and (not self.module or self._is_held(layer.module))
            and self.selector.matches(layer.name)
        )

    def _is_held(self, module: str) -> bool:
        return bool(module) and fnmatchcase(module, self.module)

    def drawn(self, draw: Draw, layer: Layer, variables: Mapping[str, float]) -> Draw:
        """Returns a draw with the row zero that should be; without the variable there is none.

        Raises:
            UnfitError: The tensor has no such row.
        """
        if self.zero_row is None or not self.zero_row.variables <= variables.keys():
            return draw
        try:
            row = self.zero_row.value(variables)
        except (ValueError, ArithmeticError):
            row = math.nan
        if row % 1 != 0:
            raise UnfitError(f"zero_row = {self.zero_row.text} is no row")
        return with_zero_row(draw, layer.shape, int(row))

    def seen(self, layer: Layer) -> Layer:
        """Returns a tensor's layer as this rule lays it out."""
        return replace(layer, layout=self.layout) if self.layout else layer
