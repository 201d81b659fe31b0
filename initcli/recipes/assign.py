"""Gives each tensor a scheme, or the reason why it has none: one plan for init and stats."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from initcli.core.errors import NotApplicableError, OptionError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.recipes.roles import Role
from initcli.recipes.selector import Selector
from initcli.schemes.layer import UnfitError
from initcli.schemes.registry import Draw
from initcli.schemes.spec import SchemeSpec, parse_scheme


@dataclass(frozen=True, slots=True)
class Assignment:
    """What happens to a tensor.

    Attributes:
        draw: How it is drawn; None if it is left as it is.
        scheme: The scheme as a user may write it; empty if none was meant for it.
        reason: Why it is left as it is.
        is_skip: Whether a scheme was meant for it and cannot apply.
    """

    draw: Draw | None = None
    scheme: str = ""
    reason: str = ""
    is_skip: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The schemes a user asked for.

    Without include patterns the scheme goes to weights, and biases and normalisations are left
    to their layers' defaults. What an include pattern matches is meant, whatever its role.

    Attributes:
        scheme: For what is selected.
        bias: For selected biases instead.
        selector: What is selected.
    """

    scheme: SchemeSpec | None = None
    bias: SchemeSpec | None = None
    selector: Selector = field(default_factory=Selector)

    @classmethod
    def of(
        cls,
        scheme: str | None,
        bias: str | None,
        parameters: Mapping[str, str] | None,
        selector: Selector,
    ) -> Plan:
        """Builds a plan from what users write.

        Raises:
            OptionError: A scheme or parameter means nothing, or parameters have no scheme.
        """
        if parameters and not scheme:
            first = next(iter(parameters))
            raise OptionError(f"{first} is a scheme's parameter, and no --scheme is given")
        return cls(
            parse_scheme(scheme, parameters) if scheme else None,
            parse_scheme(bias) if bias else None,
            selector,
        )

    @property
    def has_schemes(self) -> bool:
        """Whether there is anything to draw or expect."""
        return self.scheme is not None or self.bias is not None

    def assign(
        self,
        specs: Mapping[str, TensorSpec],
        roles: Mapping[str, Role],
        chosen: Collection[str],
    ) -> dict[str, Assignment]:
        """Returns every tensor's assignment by name.

        Args:
            specs: The tensors of one source.
            roles: What each is to its layer.
            chosen: The names that the selector chose, among the names of all sources.

        Raises:
            NotApplicableError: A tensor that was selected by its name cannot be drawn.
            OptionError: A scheme's parameters contradict each other.
        """
        return {
            name: self._assign(spec, roles[name]) if name in chosen else _NOT_SELECTED
            for name, spec in specs.items()
        }

    def _assign(self, spec: TensorSpec, role: Role) -> Assignment:
        wanted = self._scheme_for(role)
        if wanted is None:
            return Assignment(reason=f"{role.value}, left to its layer")
        try:
            return Assignment(_fit(wanted, spec), wanted.text)
        except UnfitError as error:
            if self.selector.names(spec.name):
                message = f"{wanted.text}: {error}"
                raise NotApplicableError(message, where=visible(spec.name, 200)) from error
            return Assignment(scheme=wanted.text, reason=str(error), is_skip=True)

    def _scheme_for(self, role: Role) -> SchemeSpec | None:
        is_named = bool(self.selector.include)
        if self.bias and (role is Role.BIAS or (is_named and role is Role.NORMALISATION_BIAS)):
            return self.bias
        return self.scheme if is_named or role is Role.WEIGHT else None


_NOT_SELECTED = Assignment(reason="not selected")


def _fit(scheme: SchemeSpec, spec: TensorSpec) -> Draw:
    if not spec.dtype.is_drawable:
        message = f"{spec.dtype.code} values cannot be drawn"
        raise UnfitError(message)
    if not spec.parameters:
        message = "it holds no values"
        raise UnfitError(message)
    return scheme.draw(spec.shape)
