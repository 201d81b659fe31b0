from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.errors import OptionError
from initcli.engine.draw import draw_tensor
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import SCHEMES, find_scheme
from initcli.schemes.spec import parse_scheme

READ = {
    "normal": ("normal", {}),
    "normal()": ("normal", {}),
    " normal_ ": ("normal", {}),
    "normal(0, 0.02)": ("normal", {"mean": 0.0, "std": 0.02}),
    "normal(0, std=.5)": ("normal", {"mean": 0.0, "std": 0.5}),
    "normal(mean=-1e-3)": ("normal", {"mean": -0.001}),
    "normal(std='0.5')": ("normal", {"std": 0.5}),
    "kaiming_uniform_(mode=fan_out)": ("kaiming_uniform", {"mode": "fan_out"}),
    "kaiming_normal(nonlinearity='relu')": ("kaiming_normal", {"nonlinearity": "relu"}),
    "xavier_normal(gain=relu)": ("xavier_normal", {"gain": 2**0.5}),
    "orthogonal(tanh)": ("orthogonal", {"gain": 5 / 3}),
    "orthogonal(3)": ("orthogonal", {"gain": 3.0}),
    "dirac(2)": ("dirac", {"groups": 2}),
    "dirac(groups=2.0)": ("dirac", {"groups": 2}),
}


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_a_scheme_is_read_as_written(text: str, expected: tuple[str, dict[str, object]]) -> None:
    spec = parse_scheme(text)
    assert (spec.scheme.name, spec.arguments) == expected


@pytest.mark.parametrize("text", READ)
def test_what_a_scheme_shows_of_itself_reads_back(text: str) -> None:
    spec = parse_scheme(text)
    assert parse_scheme(spec.text) == spec


@given(st.floats(-3e38, 3e38), st.floats(0, 3e38))
def test_numbers_read_back_exactly(mean: float, std: float) -> None:
    spec = parse_scheme(f"normal({mean!r}, std={std!r})")
    assert spec.arguments == {"mean": mean, "std": std}
    assert parse_scheme(spec.text) == spec


def test_parameters_may_come_apart() -> None:
    spec = parse_scheme("kaiming_normal(0.1)", {"mode": "fan_out", "nonlinearity": "selu"})
    assert spec.text == "kaiming_normal(a=0.1, mode=fan_out, nonlinearity=selu)"


TWICE = ["normal(0, mean=0)", "normal(0, mean=1)", "normal(std=1, std=1)", "normal(std=1, std=2)"]


@pytest.mark.parametrize("text", TWICE)
def test_a_parameter_is_given_once(text: str) -> None:
    with pytest.raises(OptionError, match="is given twice"):
        parse_scheme(text)


@pytest.mark.parametrize("value", ["fan_out", "fan_in"])
def test_a_parameter_that_comes_apart_is_not_given_again(value: str) -> None:
    with pytest.raises(OptionError, match="mode is given twice"):
        parse_scheme("kaiming_normal(mode=fan_out)", {"mode": value})


WRONG = {
    "kaimin_normal": ("unknown scheme", "kaiming_normal"),
    "zzz": ("unknown scheme", "initcli schemes"),
    "normal(sdt=1)": ("no parameter 'sdt'", "std"),
    "normal(**{})": ("no parameter", ""),
    "normal(1, 2, 3)": ("too many values", ""),
    "constant": ("needs val", "constant(val)"),
    "sparse(std=1)": ("needs sparsity", "sparse(sparsity, std=0.01)"),
    "kaiming_normal(mode=fan_ou)": ("mode cannot be 'fan_ou'", "fan_out"),
    "kaiming_normal(mode=1)": ("mode cannot be 1", "one of: fan_in, fan_out"),
    "kaiming_normal(nonlinearity=gulu)": ("nonlinearity cannot be", "gelu"),
    "normal(mean=True)": ("mean must be a number", ""),
    "normal(mean=None)": ("mean must be a number", ""),
    "normal(mean=nan)": ("mean must be a number", ""),
    "normal(mean=1e999)": ("mean must be a number", ""),
    "constant(1e39)": ("fits float32", ""),
    "normal(mean=[1])": ("mean must be a number", ""),
    "dirac(1.5)": ("groups must be a whole number", ""),
    "normal(*a)": ("not a scheme", "kaiming_normal(mode=fan_out)"),
    "torch.nn.init.normal_(0)": ("not a scheme", ""),
    "normal(0": ("not a scheme", ""),
    "normal; zeros": ("not a scheme", ""),
    "": ("not a scheme", ""),
    "normal(mean=print(1))": ("not a scheme", ""),
    "(lambda: 0)()": ("not a scheme", ""),
    "normal(1+2j)": ("mean must be a number", ""),
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_a_mistake_is_named_with_a_way_out(text: str, said: tuple[str, str]) -> None:
    with pytest.raises(OptionError) as caught:
        parse_scheme(text)
    message, hint = said
    assert message in caught.value.message
    assert hint in caught.value.hint


HOSTILE = {
    "a long name": "x" * 100_000,
    "long digits": f"normal({'1' * 10_000})",
    "long hexadecimal": f"normal(0x{'f' * 10_000})",
    "a long choice": f"kaiming_normal(mode='{'x' * 100_000}')",
    "a hexadecimal choice": f"kaiming_normal(mode=0x{'f' * 10_000})",
    "a long string": f"normal('{'9' * 100_000}')",
    "many values": f"normal({'1,' * 10_000})",
    "nested parentheses": f"normal({'(' * 10_000}",
    "nested brackets": f"normal({'[' * 90}{']' * 90})",
    "nested signs": f"normal({'-' * 10_000}1)",
    "nested attributes": f"normal({'a.' * 10_000}b)",
    "a null": "normal\0",
    "a surrogate": "normal(\ud800)",
    "a new line": "normal\nzeros",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_gets_one_short_message(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_scheme(text)
    assert len(caught.value.message) + len(caught.value.where) + len(caught.value.hint) < 500


@given(st.text(alphabet="normal()=,.0123456789'\"\\[]{}:*-+ #\n\0\ud800ſß", max_size=40))
@settings(max_examples=500)
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_any_text_is_a_scheme_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(OptionError):
        assert parse_scheme(text).scheme.name in SCHEMES


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_documents_itself(name: str) -> None:
    scheme = find_scheme(f"{name}_")
    assert scheme is find_scheme(name)
    assert scheme.summary.endswith(".")
    assert scheme.formula
    assert scheme.variance
    assert scheme.citation
    assert scheme.signature.startswith(f"{name}(")


@pytest.mark.parametrize(
    ("text", "std"),
    [
        ("scaled_normal", 0.02 / 24**0.5),
        ("scaled_normal(n_layer=3)", 0.02 / 6**0.5),
        ("scaled_normal(n_layer=n_layer/4)", 0.02 / 6**0.5),
        ("depth_scaled_normal", 0.02 / 10**0.5),
        ("lora_gaussian", 1 / 8),
    ],
)
def test_a_default_may_be_worked_out_for_every_tensor(text: str, std: float) -> None:
    spec = parse_scheme(text)
    draw = spec.draw(Layer((8, 4)), {"n_layer": 12, "layer": 4})
    assert draw.law.std == pytest.approx(std)
    assert parse_scheme(spec.text) == spec
    assert ("(" in spec.text) == ("(" in text)


@pytest.mark.parametrize(
    ("text", "missing"),
    [("wang_init(64)", "n_layer"), ("small_init", "d_model"), ("depth_scaled_normal", "layer")],
)
def test_a_default_that_nothing_tells_is_named(text: str, missing: str) -> None:
    with pytest.raises(OptionError, match=f"nothing says what '{missing}' is") as caught:
        parse_scheme(text).draw(Layer((8, 4)))
    assert f"--set {missing}=" in caught.value.hint


def test_a_default_that_a_tensor_has_not_leaves_it_unfit() -> None:
    with pytest.raises(UnfitError, match="dimensions"):
        parse_scheme("lora_gaussian").draw(Layer((8,)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("siren(first=true)", True), ("siren(first=False)", False), ("siren(first='true')", True)],
)
def test_a_flag_is_true_or_false(text: str, expected: bool) -> None:
    assert parse_scheme(text).arguments == {"first": expected}


REFUSED = [
    ("variance_scaling(0)", (4, 4), OptionError),
    ("variance_scaling(-1)", (4, 4), OptionError),
    ("he_normal", (4,), UnfitError),
    ("deepnorm(encoder, 6)", (4, 4), OptionError),
    ("deepnorm(n_layer=0)", (4, 4), OptionError),
    ("t_fixup(embedding, 6)", (4, 4, 3), UnfitError),
    ("fixup(8, 1)", (4, 4), OptionError),
    ("scaled_normal(-1, 6)", (4, 4), OptionError),
    ("scaled_normal(n_layer=0)", (4, 4), OptionError),
    ("mup_normal(0)", (4, 4), OptionError),
    ("mup_uniform(8, -1)", (4, 4), OptionError),
    ("delta_orthogonal", (4, 5, 3), UnfitError),
    ("delta_orthogonal", (4, 4), UnfitError),
    ("idinit", (4, 4, 3), UnfitError),
    ("idinit(0)", (4, 4), OptionError),
    ("mamba_a_log", (4,), UnfitError),
    ("mamba_dt_bias(0)", (4,), OptionError),
    ("mamba_dt_bias(1, 0.5)", (4,), OptionError),
    ("mamba_dt_bias(1, 100)", (4,), OptionError),
    ("mamba_dt_bias(dt_floor=1)", (4,), OptionError),
    ("siren(0)", (4, 4), OptionError),
    ("lora_gaussian(0)", (4, 4), OptionError),
    ("prior_bias(0)", (4,), OptionError),
    ("prior_bias(1)", (4,), OptionError),
    ("lstm_bias", (6,), UnfitError),
    ("lstm_bias", (4, 4), UnfitError),
    ("sinusoid", (4, 5), UnfitError),
    ("sinusoid", (4, 2), UnfitError),
    ("sinusoid(1)", (4, 4), OptionError),
]


@pytest.mark.parametrize(("text", "shape", "error"), REFUSED)
def test_what_has_no_meaning_is_refused_before_drawing(
    text: str, shape: tuple[int, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        parse_scheme(text).draw(Layer(shape))


@pytest.mark.parametrize(
    ("name", "expected"), [("bias_ih_l0", [0, 2, 0, 0]), ("bias_hh_l0", [0, 0, 0, 0])]
)
def test_only_one_of_two_lstm_biases_opens_the_forget_gate(
    name: str, expected: list[float]
) -> None:
    draw = parse_scheme("lstm_bias(2)").draw(Layer((4,), f"lstm.{name}"))
    assert draw_tensor(draw, (4,), 0, name).tolist() == expected
