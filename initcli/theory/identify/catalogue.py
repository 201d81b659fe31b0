"""Which laws a tensor may have been drawn by: those of the schemes that people use."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from initcli.core.errors import OptionError
from initcli.schemes.law import Fixed, Law
from initcli.schemes.layer import Layer, Role, UnfitError
from initcli.schemes.layout import Layout
from initcli.schemes.spec import SchemeSpec, parse_scheme

# The most usual first: a law is named by the first scheme that draws by it. Those of structure are
# supposed by `suppose.py`.
_OF_WEIGHTS = (
    "torch_default",
    "xavier_uniform",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "kaiming_uniform(mode=fan_out)",
    "kaiming_normal(mode=fan_out)",
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "kaiming_normal(nonlinearity=linear)",
    "kaiming_uniform(nonlinearity=linear)",
    "kaiming_normal(mode=fan_out, nonlinearity=linear)",
    "kaiming_uniform(mode=fan_out, nonlinearity=linear)",
    "kaiming_uniform(a=sqrt(5))",
    "kaiming_uniform(a=sqrt(5), mode=fan_out)",
    "kaiming_normal(nonlinearity=tanh)",
    "kaiming_uniform(nonlinearity=tanh)",
    "kaiming_normal(nonlinearity=selu)",
    "xavier_uniform(gain=relu)",
    "xavier_normal(gain=relu)",
    "xavier_uniform(gain=tanh)",
    "xavier_normal(gain=tanh)",
    "xavier_uniform(gain=1/sqrt(2))",
    "variance_scaling(scale=1, mode=fan_out)",
    "variance_scaling(scale=2, mode=fan_out)",
    "hf_lecun_normal",
    "small_init",
    "wang_init",
    "siren",
    "siren(first=true)",
    "lora_gaussian",
    "normal(0, 1/fan_in)",
    "deepnorm",
    "t_fixup",
    "normal(0, 0.02)",
    "truncated_normal(0, 0.02)",
    "truncated_normal(0, 0.02, -3, 3)",
    "scaled_normal",
    "depth_scaled_normal",
    "normal(0, 1)",
    "normal(0, 0.01)",
    "normal(0, 0.05)",
    "normal(0, 0.1)",
    "normal(0, 0.006)",
    "normal(0, 0.001)",
    "normal(0, 1e-6)",
    "truncated_normal(0, 0.05)",
    "truncated_normal(0, 0.01)",
    "truncated_normal(0, 1)",
    "uniform(-0.05, 0.05)",
    "uniform(-0.1, 0.1)",
    "uniform(-0.08, 0.08)",
    "uniform(-0.01, 0.01)",
    "uniform(-1, 1)",
    "uniform(0, 1)",
    "uniform(0, 0.01)",
)
_OF_BIASES = (
    "torch_default",
    "normal(0, 0.02)",
    "normal(0, 0.01)",
    "normal(0, 1e-6)",
    "normal(0, 1)",
    "uniform(-0.1, 0.1)",
    "uniform(-0.08, 0.08)",
    "mamba_dt_bias",
)
_OF_NORMS = ("normal(1, 0.02)", "normal(0, 0.02)", "uniform(0, 1)")
SCHEMES: Mapping[Role, Sequence[str]] = {
    Role.WEIGHT: _OF_WEIGHTS,
    Role.BIAS: _OF_BIASES,
    Role.NORMALISATION_WEIGHT: _OF_NORMS,
    Role.NORMALISATION_BIAS: _OF_NORMS,
    Role.OTHER: tuple(dict.fromkeys((*_OF_WEIGHTS, *_OF_BIASES, *_OF_NORMS))),
}
"""What a tensor of each role is drawn by where it is not constant."""
# What the arithmetic of two schemes leaves between equal laws.
_DIGITS = 9
_KERNEL = 3
# Laws that are kept for layers alike: some tens of MB.
_MOST_KNOWN = 1 << 16
_Keyed = tuple[object, Law] | None
"""A law, and what equal laws have in common; None where a scheme has none for a layer."""
_NO_LAWS: Mapping[str, Law] = {}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A law, and all schemes that draw by it.

    Attributes:
        law: As drawn; continuous, its values independent.
        schemes: As a user may write them, the most usual first.
    """

    law: Law
    schemes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The laws of all schemes, each worked out once for layers that are alike."""

    _known: dict[object, _Keyed] = field(default_factory=dict)

    def candidates(
        self,
        layer: Layer,
        variables: Mapping[str, float],
        more: Mapping[str, Law] = _NO_LAWS,
    ) -> tuple[Candidate, ...]:
        """Returns the laws that a tensor may have been drawn by, each with all its schemes.

        Args:
            layer: The tensor and its layer.
            variables: What names in formulas stand for.
            more: Laws by scheme that other knowledge suggests, such as recipes; of those the
                catalogue has, its own names are told, and of equal ones the first.
        """
        named: dict[object, tuple[Law, dict[str, None]]] = {}
        for scheme, (key, law) in self._laws(layer, variables):
            named.setdefault(key, (law, {}))[1].setdefault(scheme)
        for scheme, law in more.items():
            if is_drawn_apart(law):
                named.setdefault(key_of(law), (law, {scheme: None}))
        return tuple(Candidate(law, tuple(schemes)) for law, schemes in named.values())

    def _laws(
        self, layer: Layer, variables: Mapping[str, float]
    ) -> Iterator[tuple[str, tuple[object, Law]]]:
        """Yields every scheme with its law; of the same scheme by other fans, if they differ."""
        signature = _signature(layer)
        for text in SCHEMES[layer.role]:
            usual: _Keyed = None
            for name, spec, seen in _readings(text, layer):
                keyed = self._law(spec, seen, signature, variables)
                if keyed is not None and (usual is None or keyed[0] != usual[0]):
                    yield name, keyed
                usual = usual or keyed

    def _law(
        self, spec: SchemeSpec, layer: Layer, signature: object, variables: Mapping[str, float]
    ) -> _Keyed:
        told = tuple(map(variables.get, _asked(spec.text)))
        key = (spec.text, signature, layer.layout, told)
        if key not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            law = _law_of(spec, layer, variables)
            is_usable = law is not None and is_drawn_apart(law)
            self._known[key] = (key_of(law), law) if law is not None and is_usable else None
        return self._known[key]


def is_drawn_apart(law: Law) -> bool:
    """Whether values are drawn from a continuous law, each for itself."""
    return law.fixed is Fixed.NOTHING and law.structure is None and law.cdf is not None


def _law_of(spec: SchemeSpec, layer: Layer, variables: Mapping[str, float]) -> Law | None:
    """Returns the law of a scheme; None where it has no meaning, or asks for what is unknown."""
    try:
        return spec.draw(layer, variables).law
    except (UnfitError, OptionError):
        return None


@functools.cache
def _asked(text: str) -> tuple[str, ...]:
    """Returns the variables that a scheme's formulas ask for."""
    formulas = parse_scheme(text).formulas.values()
    return tuple(sorted({name for formula in formulas for name in formula.variables}))


@functools.cache
def _parsed(text: str) -> list[tuple[str, SchemeSpec]]:
    """Returns a scheme, and beside it that of the layer's own fans where it counts torch's."""
    spec = parse_scheme(text)
    default = spec.scheme.parameters.get("fans")
    if default is None:
        return [(text, spec)]
    other = "layer" if default.default == "torch" else "torch"
    bare, _, arguments = text.removesuffix(")").partition("(")
    named = f"{bare}({arguments}{', ' * bool(arguments)}fans={other})"
    return [(text, spec), (named, parse_scheme(named))]


def _readings(text: str, layer: Layer) -> Iterator[tuple[str, SchemeSpec, Layer]]:
    """Yields what a scheme may mean for a tensor: by the fans of torch, or of its layer."""
    specs = _parsed(text)
    yield from ((name, spec, layer) for name, spec in specs)
    if len(specs) > 1 and _may_be_depthwise(layer):
        grouped = Layout("conv", groups=layer.shape[0])
        by_layer = next((each for each in specs if "fans=layer" in each[0]), specs[0])
        yield f"{by_layer[0]} of {grouped.text}", by_layer[1], replace(layer, layout=grouped)


def _may_be_depthwise(layer: Layer) -> bool:
    """Whether a kernel may be one of a group a channel, which no file tells."""
    return len(layer.shape) >= _KERNEL and layer.shape[1] == 1 and layer.layout is None


def _signature(layer: Layer) -> object:
    """Returns all of a layer that laws depend on but its layout, its number among layers left."""
    named = ".".join(layer.name.split(".")[-2:])
    beside = tuple(sorted(layer.beside.items()))
    return (layer.shape, layer.role, named, layer.owners, layer.resets, beside, layer.padding)


def key_of(law: Law) -> object:
    """Returns what equal laws have in common."""
    moments = (law.mean, law.variance, law.kurtosis, law.skewness)
    return (law.family, *(float(f"{each:.{_DIGITS}g}") for each in moments))
