"""One record a scheme: what a user may write of it, and tensors that it is for."""

from __future__ import annotations

from dataclasses import dataclass

from initcli.schemes.layer import Layer
from initcli.schemes.registry import Draw
from initcli.schemes.spec import parse_layout, parse_scheme

VARIABLES = {"n_layer": 12.0, "layer": 3.0, "d_model": 64.0, "n_head": 4.0}

VECTOR, MATRIX, TALL, WIDE = (30_000,), (160, 200), (320, 100), (50, 600)
KERNEL, VOLUME = (48, 24, 5, 5), (24, 16, 3, 3, 3)
ANY = (VECTOR, MATRIX, KERNEL)
LAID_OUT = (
    (MATRIX, "linear"),
    (MATRIX, "in_out"),
    ((300, 100), "linear(parts=3)"),
    (MATRIX, "embedding"),
    (KERNEL, "conv(groups=4)"),
    (KERNEL, "conv_transpose(stride=2)"),
    ((4, 80, 90), "linear(stacked=1)"),
    (VOLUME, ""),
)


@dataclass(frozen=True, slots=True)
class Record:
    """What a scheme is drawn with.

    Attributes:
        shapes: Tensors it is for, each alone or with its layout.
        parameters: What may stand behind its name.
        name: What its tensors are called.
    """

    shapes: tuple[tuple[int, ...] | tuple[tuple[int, ...], str], ...]
    parameters: tuple[str, ...] = ("",)
    name: str = "layers.3.weight"


@dataclass(frozen=True, slots=True)
class Case:
    """A scheme as a user writes it, and a tensor."""

    scheme: str
    shape: tuple[int, ...]
    layout: str
    name: str

    def __str__(self) -> str:
        return f"{self.scheme} {'x'.join(map(str, self.shape))} {self.layout}".strip()

    @property
    def draw(self) -> Draw:
        layout = parse_layout(self.layout) if self.layout else None
        layer = Layer(self.shape, self.name, layout=layout)
        return parse_scheme(self.scheme).draw(layer, VARIABLES)


# One side of an embedding grows with width, both of anything else.
GROWING = tuple(each for each in LAID_OUT if each[1] != "embedding")
RECTIFIED = ("(nonlinearity=relu)", "(a=2, mode=fan_out)", "(fans=layer)")
SCALINGS = ("(0.5, fan_out, uniform)", "(3, fan_avg, untruncated_normal)", "(fans=torch)")
WINDOWS = (
    "",
    "(corrected=true)",
    "(1, 0.5, -1, 3, true)",
    "(0, 1, 0.5, 9)",
    "(0, 2, 4, 6)",
    "(low=-0.1, high=0.1)",
)

RECORDS = {
    # Of modules, and held against them in test_torch_default.py.
    "torch_default": Record(()),
    "uniform": Record(ANY, ("", "(-0.1, 0.3)")),
    "normal": Record(ANY, ("", "(2, 0.5)")),
    "trunc_normal": Record(ANY, ("", "(0, 1, 0.5, 3)")),
    "constant": Record(ANY, ("(0.25)",)),
    "ones": Record(ANY),
    "zeros": Record(ANY),
    "eye": Record((MATRIX, TALL)),
    "dirac": Record((KERNEL, VOLUME), ("", "(2)")),
    "xavier_uniform": Record(LAID_OUT, ("", "(gain=relu)", "(fans=layer)")),
    "xavier_normal": Record(LAID_OUT, ("", "(2)")),
    "kaiming_uniform": Record(LAID_OUT, RECTIFIED),
    "kaiming_normal": Record(LAID_OUT, RECTIFIED),
    "orthogonal": Record(
        (
            TALL,
            WIDE,
            KERNEL,
            ((300, 100), "linear(parts=3)"),
            ((4, 80, 90), "linear(stacked=1)"),
            ((4, 160, 50), "linear(parts=2, stacked=1)"),
            ((4, 80, 90), "in_out(stacked=1)"),
        ),
        ("", "(0.5)", "(2, fans=layer)"),
    ),
    "sparse": Record((MATRIX, TALL), ("(0.3)", "(0.7, std=1)")),
    "truncated_normal": Record(ANY, WINDOWS),
    "variance_scaling": Record(LAID_OUT, ("", *SCALINGS)),
    "glorot_uniform": Record(LAID_OUT),
    "glorot_normal": Record(LAID_OUT),
    "he_uniform": Record(LAID_OUT),
    "he_normal": Record(LAID_OUT),
    "lecun_uniform": Record(LAID_OUT),
    "lecun_normal": Record(LAID_OUT),
    "hf_lecun_normal": Record((*LAID_OUT, ((5000, 3), "linear"))),
    "c2_xavier_fill": Record(LAID_OUT),
    "c2_msra_fill": Record(LAID_OUT),
    "small_init": Record(ANY, ("", "(128)")),
    "wang_init": Record(ANY, ("", "(n_layer=6)")),
    "scaled_normal": Record(ANY, ("", "(0.1, 48, 1)")),
    "depth_scaled_normal": Record(ANY, ("", "(block=0)")),
    "deepnorm": Record(LAID_OUT, ("", "(decoder)", "(encoder, n_decoder=6)")),
    "t_fixup": Record((MATRIX, TALL), ("", "(decoder)", "(embedding)")),
    "fixup": Record(LAID_OUT, ("(16)", "(8, 3)")),
    "rezero": Record(((), (1,), VECTOR)),
    "layer_scale": Record((VECTOR,), ("", "(1e-6)")),
    "mup_normal": Record(GROWING, ("(64)", "(256, 0.02)")),
    "mup_uniform": Record(GROWING, ("(64)", "(256, 0.02)")),
    "delta_orthogonal": Record(
        (
            KERNEL,
            VOLUME,
            (64, 64, 4),
            ((24, 48, 5, 4), "conv_transpose"),
            ((40, 30, 1, 1), "conv"),
        ),
        ("", "(relu)"),
    ),
    "zero_hadamard": Record(
        (MATRIX, TALL, WIDE, KERNEL, VOLUME, (TALL, "in_out"), (WIDE, "in_out"), (1, 1), (2, 1))
    ),
    "idinit": Record((MATRIX, TALL, WIDE, (7, 7), (1, 3)), ("", "(-0.5)")),
    "mamba_a_log": Record(((1536, 16), (3, 1), (2, 64))),
    "mamba_d": Record((VECTOR,)),
    "mamba_dt_bias": Record((VECTOR,), ("", "(1e-5, 0.1)", "(0.01, 5, 0.2)")),
    "mamba_dt_proj": Record((MATRIX,)),
    "mimetic": Record(
        ((64, 64), (192, 192), (96, 128), ((192, 192), "in_out")),
        (
            "",
            "(query, 1)",
            "(key, beta_qk=0)",
            "(key, 2, 0.3, 1)",
            "(value)",
            "(value, 4, alpha_vo=0.9)",
        ),
        "layers.3.attn.k_proj.weight",
    ),
    "siren": Record(LAID_OUT, ("", "(omega=10)", "(first=true)")),
    "lora_a": Record((WIDE,)),
    "lora_b": Record((TALL,)),
    "lora_gaussian": Record((WIDE, MATRIX), ("", "(16)")),
    "prior_bias": Record((VECTOR,), ("", "(0.5)", "(0.9)")),
    "lstm_bias": Record(((400,), (4,)), ("", "(0)", "(2)"), "lstm.bias_ih_l0"),
    "sinusoid": Record(((1500, 384), (7, 4)), ("", "(100)")),
}


def cases(*names: str) -> list[Case]:
    """Returns every case of the schemes of some names, by default of all."""
    return [
        Case(name + parameters, *(shape if is_laid_out(shape) else (shape, "")), RECORDS[name].name)
        for name in names or RECORDS
        for shape in RECORDS[name].shapes
        for parameters in RECORDS[name].parameters
    ]


def is_laid_out(shape: tuple[object, ...]) -> bool:
    """Whether a layout stands beside the shape."""
    return bool(shape) and isinstance(shape[-1], str)


def example(name: str) -> str:
    """Returns a scheme with the parameters that it cannot do without."""
    return name + RECORDS[name].parameters[0]
