"""The nonlinearities: each one function with its derivative, formula, citation and kinks.

A function returns φ(z) and φ′(z); tests hold both against torch.nn.functional and its autograd.
They are plain floats, since quadrature needs but a few hundred of them and the table of names is
wanted where NumPy is not; `exp` keeps them to |z| < 700.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean

Pair = tuple[float, float]
"""φ(z) and φ′(z)."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A nonlinearity φ.

    Attributes:
        name: As users write it: torch's name where torch has one.
        function: z ↦ (φ(z), φ′(z)).
        formula: φ(z) in one line.
        citation: Where it was proposed for networks.
        kinks: The places where φ or one of its derivatives jumps.
        aliases: Other names of the same function.
    """

    name: str
    function: Callable[..., Pair]
    formula: str
    citation: str
    kinks: tuple[float, ...]
    aliases: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n", 1)[0]

    @property
    def has_slope(self) -> bool:
        """Whether it depends on a `negative_slope`."""
        return "negative_slope" in inspect.signature(self.function).parameters


ACTIVATIONS: dict[str, Activation] = {}
_ALIASES: dict[str, str] = {}


def activation(
    formula: str, citation: str, *, kinks: tuple[float, ...] = (), aliases: tuple[str, ...] = ()
) -> Callable[[Callable[..., Pair]], Callable[..., Pair]]:
    """Registers a function as the nonlinearity of its name."""

    def register(function: Callable[..., Pair]) -> Callable[..., Pair]:
        name = function.__name__
        ACTIVATIONS[name] = Activation(name, function, formula, citation, kinks, aliases)
        _ALIASES.update(dict.fromkeys((name, *aliases), name))
        return function

    return register


def find_activation(name: str) -> Activation:
    """Returns the nonlinearity of a name or alias.

    Raises:
        OptionError: No nonlinearity has that name.
    """
    if name not in _ALIASES:
        hint = did_you_mean(name, _ALIASES) or "initcli gains lists them all"
        raise OptionError(f"unknown nonlinearity {name[:80]!r}", hint=hint)
    return ACTIVATIONS[_ALIASES[name]]


@activation(
    "z",
    "torch.nn.init",
    aliases=(
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
    ),
)
def linear(z: float) -> Pair:
    """Passes everything; torch calls it by the layers that no nonlinearity follows."""
    return z, 1.0


@activation("1/(1 + e^−z)", "Rumelhart et al. 1986, Nature 323")
def sigmoid(z: float) -> Pair:
    """Squashes to (0, 1), about ½."""
    value = 1 / (1 + math.exp(-z))
    return value, value * (1 - value)


@activation("tanh(z)", "LeCun et al. 1998, Efficient BackProp")
def tanh(z: float) -> Pair:
    """Squashes to (−1, 1), about 0."""
    value = math.tanh(z)
    return value, 1 - value**2


@activation("max(0, z)", "Nair & Hinton 2010, ICML", kinks=(0.0,))
def relu(z: float) -> Pair:
    """Passes what is positive."""
    return (z, 1.0) if z > 0 else (0.0, 0.0)


@activation("z if z > 0, else negative_slope·z", "Maas et al. 2013, ICML", kinks=(0.0,))
def leaky_relu(z: float, negative_slope: float = 0.01) -> Pair:
    """Passes what is positive, and a share of the rest."""
    return (z, 1.0) if z > 0 else (negative_slope * z, negative_slope)


@activation(
    "λz if z > 0, else λα(e^z − 1); λ = 1.0507…, α = 1.6733…",
    "Klambauer et al. 2017, arXiv:1706.02515",
    kinks=(0.0,),
)
def selu(z: float) -> Pair:
    """Is an elu so scaled that E φ = 0 and E φ² = 1."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    factor = scale if z > 0 else scale * alpha
    value, slope = elu(z)
    return factor * value, factor * slope


@activation("z if z > 0, else e^z − 1", "Clevert et al. 2016, arXiv:1511.07289", kinks=(0.0,))
def elu(z: float) -> Pair:
    """Passes what is positive, and saturates at −1."""
    return (z, 1.0) if z > 0 else (math.expm1(z), math.exp(z))


@activation("z·Φ(z), Φ the normal distribution", "Hendrycks & Gimpel 2016, arXiv:1606.08415")
def gelu(z: float) -> Pair:
    """Weighs a value by the chance that a normal one is less."""
    below = math.erfc(-z / math.sqrt(2)) / 2
    return z * below, below + z * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


@activation("z/2·[1 + tanh(√(2/π)(z + 0.044715z³))]", "Hendrycks & Gimpel 2016, arXiv:1606.08415")
def gelu_tanh(z: float) -> Pair:
    """Approximates gelu; GPT-2's."""
    rate, cubic = math.sqrt(2 / math.pi), 0.044715
    value, slope = tanh(rate * (z + cubic * z**3))
    return z / 2 * (1 + value), (1 + value + z * slope * rate * (1 + 3 * cubic * z**2)) / 2


@activation("z/(1 + e^−z)", "Elfwing et al. 2018, arXiv:1702.03118")
def silu(z: float) -> Pair:
    """Weighs a value by its sigmoid; also known as swish."""
    value, slope = sigmoid(z)
    return z * value, value + z * slope


@activation("z·tanh(ln(1 + e^z))", "Misra 2019, arXiv:1908.08681")
def mish(z: float) -> Pair:
    """Weighs a value by the tanh of its softplus."""
    inner, rate = softplus(z)
    value, slope = tanh(inner)
    return z * value, value + z * slope * rate


@activation("z·min(max(0, z + 3), 6)/6", "Howard et al. 2019, arXiv:1905.02244", kinks=(-3.0, 3.0))
def hardswish(z: float) -> Pair:
    """Approximates silu by pieces."""
    share = min(max(0.0, z + 3), 6) / 6
    return z * share, share + (z / 6 if 0 < share < 1 else 0)


@activation("min(max(−1, z), 1)", "Collobert 2004, thesis, Paris VI", kinks=(-1.0, 1.0))
def hardtanh(z: float) -> Pair:
    """Cuts off beyond ±1."""
    return (z, 1.0) if abs(z) < 1 else (math.copysign(1.0, z), 0.0)


@activation("z/(1 + |z|)", "Bergstra et al. 2009, Montréal TR 1337", kinks=(0.0,))
def softsign(z: float) -> Pair:
    """Squashes to (−1, 1), more slowly than tanh."""
    scale = 1 / (1 + abs(z))
    return z * scale, scale**2


@activation("ln(1 + e^z)", "Dugas et al. 2001, NIPS 13")
def softplus(z: float) -> Pair:
    """Is a smooth relu; its derivative is the sigmoid."""
    return math.log1p(math.exp(z)), sigmoid(z)[0]


@activation(
    "max(0, z)²", "So et al. 2021, arXiv:2109.08668", kinks=(0.0,), aliases=("squared_relu",)
)
def relu2(z: float) -> Pair:
    """Squares what is positive; Primer's."""
    value, slope = relu(z)
    return value**2, 2 * value * slope


@activation("sin(z)", "Sitzmann et al. 2020, arXiv:2006.09661")
def sin(z: float) -> Pair:
    """Is SIREN's wave, at frequency 1."""
    return math.sin(z), math.cos(z)
