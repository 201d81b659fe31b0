from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.errors import OptionError
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
