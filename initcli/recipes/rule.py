"""One line of a recipe: which tensors, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from initcli.core.dtypes import DType
from initcli.recipes.selector import Selector
from initcli.schemes.layer import Layer, Role
from initcli.schemes.layout import Layout
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
    """

    scheme: SchemeSpec | None = None
    selector: Selector = field(default_factory=Selector)
    module: str = ""
    roles: frozenset[Role] = frozenset()
    layout: Layout | None = None
    dtype: DType | None = None

    @property
    def text(self) -> str:
        """The rule in one line, for messages."""
        condition = ", ".join(
            part
            for part in (
                " ".join(pattern.text for pattern in self.selector.include),
                self.module and f"module {self.module}",
                " or ".join(sorted(role.value for role in self.roles)),
            )
            if part
        )
        return f"{condition or '*'}: {self.scheme.text if self.scheme else 'left as it is'}"

    def matches(self, layer: Layer) -> bool:
        """Whether it speaks of a tensor."""
        return (
            (not self.roles or layer.role in self.roles)
            and (not self.module or fnmatchcase(layer.module, self.module))
            and self.selector.matches(layer.name)
        )

    def seen(self, layer: Layer) -> Layer:
        """Returns a tensor's layer as this rule lays it out."""
        return replace(layer, layout=self.layout) if self.layout else layer
