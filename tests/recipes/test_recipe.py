from __future__ import annotations

from pathlib import Path

import pytest

import initcli
from initcli.core.dtypes import DTYPES
from initcli.core.errors import InitcliError, OptionError, RecipeError
from initcli.core.tensor import TensorSpec
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.layers import layers_of
from initcli.recipes.recipe import Recipe, builtin_names, builtin_text, load_recipe, parse_recipe
from initcli.recipes.variables import Stacks
from initcli.schemes.layer import Role
from raw import spec

RULE = '[[rule]]\nscheme = "zeros"\n'
SPECS = {
    each.name: each
    for each in (
        spec("wte.weight", 300, 8),
        spec("h.0.fc.weight", 16, 8),
        spec("h.0.fc.bias", 16),
        spec("h.2.fc.weight", 16, 8),
        spec("norm.weight", 8),
        spec("steps", code="I64"),
    )
}


def recipe(text: str) -> Recipe:
    return parse_recipe(text.encode(), "mine.toml")


def assigned(
    text: str, config: dict[str, object] | None = None, settings: tuple[str, ...] = ()
) -> dict[str, Assignment]:
    parsed = recipe(text)
    known = Plan.of(Asked(settings=settings)).settings
    plan = Plan(parsed.rules, settings=known, recipe=parsed)
    return plan.assign(SPECS, layers_of(SPECS), set(SPECS), config or {})


def std(text: str, name: str = "h.0.fc.weight", **given: object) -> float:
    draw = assigned(text, **given)[name].draw  # type: ignore[arg-type]
    assert draw is not None
    return draw.law.std


def test_a_recipe_says_everything_its_toml_says() -> None:
    text = """
    summary = "mine"
    source = "https://example.org"
    [variables]
    base = 0.02
    scaled = "base/2"
    [[rule]]
    select = ["*.weight", "re:^wte"]
    exclude = "norm*"
    module = "Lin*"
    role = ["weight", "norm_bias"]
    scheme = "normal(std=scaled)"
    layout = "conv(groups=2)"
    dtype = "bf16"
    zero_row = "pad_token_id"
    note = "why"
    """
    parsed = recipe(text)
    rule = parsed.rules[0]
    assert (parsed.name, parsed.summary, parsed.source) == ("mine", "mine", "https://example.org")
    assert {name: formula.text for name, formula in parsed.variables.items()} == {
        "base": "0.02",
        "scaled": "base / 2",
    }
    assert [each.text for each in rule.selector.include] == ["*.weight", "re:^wte"]
    assert [each.text for each in rule.selector.exclude] == ["norm*"]
    assert (rule.module, rule.note) == ("Lin*", "why")
    assert rule.roles == {Role.WEIGHT, Role.NORMALISATION_BIAS}
    assert rule.layout is not None
    assert rule.layout.text == "conv(groups=2)"
    assert rule.dtype is not None
    assert rule.dtype.code == "BF16"
    assert rule.zero_row is not None
    assert rule.zero_row.text == "pad_token_id"


MALFORMED = {
    "no TOML": ("= 1", "not TOML"),
    "not UTF-8": ("\udcff", "not TOML"),
    "no rule": ('summary = "x"', r"it has no \[\[rule\]\]"),
    "an empty list of rules": ("rule = []", r"it has no \[\[rule\]\]"),
    "a rule that is a number": ("rule = [1]", "a rule must be a table"),
    "an unknown key": (f"sumary = 1\n{RULE}", "unknown key 'sumary'"),
    "an unknown key of a rule": ('[[rule]]\nselct = "*"\nscheme = "ones"', "unknown key 'selct'"),
    "neither scheme nor keep": ('[[rule]]\nselect = "*"', "a scheme, or keep = true"),
    "both scheme and keep": (f"{RULE}keep = true", "a scheme, or keep = true"),
    "keep that is no truth": ("[[rule]]\nkeep = 1", "keep must be true or false"),
    "a scheme that is a number": ("[[rule]]\nscheme = 1", "scheme must be text"),
    "an unknown scheme": ('[[rule]]\nscheme = "zeroes"', "unknown scheme 'zeroes'"),
    "a malformed scheme": ('[[rule]]\nscheme = "zeros("', "not a scheme"),
    "a pattern that is a number": (f"{RULE}select = 3", "select must be a pattern or a list"),
    "a pattern that is no regex": (f'{RULE}select = "re:("', "not a regular expression"),
    "an unknown role": (f'{RULE}role = "wieght"', "unknown role 'wieght'"),
    "an unknown layout": (f'{RULE}layout = "diagonal"', "not a layout"),
    "an unknown dtype": (f'{RULE}dtype = "bf61"', "bf61"),
    "a dtype that nothing is drawn in": (f'{RULE}dtype = "I8"', "nothing can be drawn in I8"),
    "a number that no float holds": (
        '[[rule]]\nscheme = "constant(9**9**9)"',
        "val leaves the range of floating point",
    ),
    "a row that is true": (f"{RULE}zero_row = true", "zero_row must be a number"),
    "a row that is code": (f"{RULE}zero_row = \"f'x'\"", "zero_row must be a number"),
    "variables that are a list": (f"variables = [1]\n{RULE}", "variables must be a table"),
    "a variable that is a list": (f"[variables]\nx = [1]\n{RULE}", "variable x must be a number"),
    "a variable that is a date": (f"[variables]\nx = 2020-01-01\n{RULE}", "variable x must be"),
    "a variable that is true": (f"[variables]\nx = true\n{RULE}", "variable x must be a number"),
    "a variable that is infinite": (f"[variables]\nx = inf\n{RULE}", "variable x must be a number"),
    "a variable that is code": (f'[variables]\nx = "__import__(1)"\n{RULE}', "variable x must be"),
    "a variable of many digits": (f'[variables]\nx = "{"9" * 5000}"\n{RULE}', "variable x must be"),
    "a variable that nests": (f'[variables]\nx = "{"(" * 900}1{")" * 900}"\n{RULE}', "variable x"),
    "a long sum": (f'[variables]\nx = "{"1+" * 900}1"\n{RULE}', "variable x must be a number"),
    "a list that nests": (f"rule = {'[' * 5000}{']' * 5000}", "not TOML"),
}


@pytest.mark.parametrize(("text", "message"), MALFORMED.values(), ids=MALFORMED)
def test_what_means_nothing_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        parse_recipe(text.encode("utf-8", "surrogateescape"), "mine.toml")
    assert caught.value.where.startswith("mine.toml")


def test_an_error_names_the_rule_it_lies_in() -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(f'{RULE}[[rule]]\nscheme = "sparsee"')
    assert (caught.value.where, caught.value.hint) == ("mine.toml, rule 2", "did you mean sparse?")


def test_a_recipe_is_read_from_a_file_and_named_after_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(RULE)
    assert load_recipe(str(path)).name == "mine"


FILES = {
    "absent.toml": (None, "cannot be read: No such file"),
    "long.toml": (b"#" * ((1 << 20) + 1), "longer than a mebibyte"),
    "nul\0.toml": (None, "cannot be read"),
}


@pytest.mark.parametrize(("name", "case"), FILES.items())
def test_a_file_that_cannot_be_a_recipe_is_refused(
    name: str, case: tuple[bytes | None, str], tmp_path: Path
) -> None:
    if case[0] is not None:
        (tmp_path / name).write_bytes(case[0])
    with pytest.raises(RecipeError, match=case[1]):
        load_recipe(f"{tmp_path}/{name}")


@pytest.mark.parametrize("name", ["gpt3", "", "../gpt2", "gpt2\n", "GPT2"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="no recipe") as caught:
        load_recipe(name)
    assert caught.value.hint


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_recipe_copied_to_a_file_is_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.toml"
    path.write_text(builtin_text(name), "utf-8")
    assert load_recipe(str(path)) == load_recipe(name)


def test_the_last_rule_that_matches_decides() -> None:
    text = '[[rule]]\nscheme = "ones"\n[[rule]]\nselect = "h.*"\nscheme = "zeros"\n'
    schemes = {name: one.scheme for name, one in assigned(text).items()}
    assert schemes["wte.weight"] == "ones"
    assert schemes["h.0.fc.weight"] == "zeros"


def test_what_no_rule_speaks_of_is_told_apart_from_what_is_kept() -> None:
    text = '[[rule]]\nselect = "h.*"\nscheme = "zeros"\n[[rule]]\nselect = "steps"\nkeep = true\n'
    found = assigned(text)
    assert (found["wte.weight"].is_unmatched, found["wte.weight"].reason) == (
        True,
        "no rule of mine matches",
    )
    assert (found["steps"].is_unmatched, found["steps"].reason) == (
        False,
        "left as it is by the recipe",
    )


def test_a_module_is_matched_only_where_classes_are_known() -> None:
    globs = ("*", "Linear")
    text = "".join(f'[[rule]]\nmodule = "{each}"\nscheme = "zeros"\n' for each in globs)
    assert all(one.is_unmatched for one in assigned(text).values())


def test_rules_that_match_nothing_are_told_in_one_note() -> None:
    parsed = recipe(f'{RULE}[[rule]]\nselect = "x.*"\nscheme = "ones"\n')
    plan, layers = Plan(parsed.rules, recipe=parsed), layers_of(SPECS)
    assert plan.remarks(plan.assign(SPECS, layers, set(SPECS)), layers) == (
        "rules of mine that match nothing: 2 (x.*: ones)",
    )


NORMAL = '[variables]\nbase = 0.5\nhalf = "base/2"\n[[rule]]\nscheme = "normal(std={})"\n'
VALUES = [
    ("base", {}, 0.5),
    ("half", {}, 0.25),
    ("base", {"config": {"base": 0.1}}, 0.1),
    ("half", {"config": {"base": 0.1}}, 0.05),
    ("base", {"config": {"base": 0.1}, "settings": ("base=0.3",)}, 0.3),
    ("1/n_layer", {}, 1 / 3),
    ("1/n_layer", {"config": {"num_hidden_layers": 5}}, 0.2),
    ("1/fan_in", {}, 1 / 8),
    ("1/fan_out", {}, 1 / 16),
    ("1/size", {}, 1 / 128),
    ("1/text.d_model", {"config": {"text": {"hidden_size": 4}}}, 0.25),
    ("1/head_dim", {"config": {"hidden_size": 8, "num_attention_heads": 2}}, 0.25),
    ("base", {"config": {"huge": 10**400, "base": None}}, 0.5),
]


@pytest.mark.parametrize(("formula", "given", "expected"), VALUES)
def test_numbers_come_from_settings_then_config_then_names_then_the_recipe(
    formula: str, given: dict[str, object], expected: float
) -> None:
    assert std(NORMAL.format(formula), **given) == pytest.approx(expected, rel=1e-15)


def test_a_block_knows_its_depth() -> None:
    text = '[[rule]]\nselect = "h.*"\nscheme = "constant(layer)"\n'
    means = {name: one.draw.law.mean for name, one in assigned(text).items() if one.draw}
    assert means == {"h.0.fc.weight": 0, "h.0.fc.bias": 0, "h.2.fc.weight": 2}


def test_a_bias_has_the_fans_of_its_weight() -> None:
    text = '[[rule]]\nselect = "*bias"\nscheme = "normal(std=1/fan_in)"\n'
    assert std(text, "h.0.fc.bias") == 1 / 8


HOSTILE = {
    "9**n_layer**99": "leave the range of floating point",
    "1/(n_layer-3)": "leave the range of floating point",
    "sqrt(-n_layer)": "math domain error|expected a nonnegative input",
    "exp(n_layer*1000)": "leave the range of floating point",
    "unheard_of": "nothing says what 'unheard_of' is",
    "-n_layer": "std must not be negative",
}


@pytest.mark.parametrize(("formula", "message"), HOSTILE.items())
def test_a_hostile_formula_is_one_clear_error(formula: str, message: str) -> None:
    with pytest.raises(InitcliError) as caught:
        assigned(NORMAL.format(formula))
    told = f"{caught.value.message} {caught.value.where}"
    assert any(each in told for each in message.split("|")), told


def test_a_missing_variable_says_how_to_give_it() -> None:
    with pytest.raises(OptionError) as caught:
        assigned(NORMAL.format("d_vocabulary"))
    assert caught.value.hint == "give --set d_vocabulary=…"


PADDED = '[[rule]]\nselect = "wte.weight"\nscheme = "normal"\nzero_row = "{}"\n'


@pytest.mark.parametrize(("row", "place"), [("7", 7), ("-1", 299), ("pad", 5)])
def test_a_row_that_stands_for_nothing_is_zero(row: str, place: int, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    source, target = tmp_path / "source.safetensors", tmp_path / "target.safetensors"
    save_file({"wte.weight": torch.ones(300, 64)}, source)
    rules = tmp_path / "padded.toml"
    rules.write_text(PADDED.format(row))
    settings = ["pad=5"] if row == "pad" else []
    initcli.init(source, target, recipe=str(rules), settings=settings)
    drawn = load_file(target)["wte.weight"]
    assert (drawn == 0).all(1).nonzero().flatten().tolist() == [place]
    report = initcli.stats(target, recipe=str(rules), settings=settings, strict=True)
    assert report.passed
    assert report.rows[0].theory_variance == pytest.approx(299 / 300)


def test_the_zero_row_must_be_in_its_place(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    path, rules = tmp_path / "w.safetensors", tmp_path / "padded.toml"
    save_file({"wte.weight": torch.ones(300, 64)}, path)
    rules.write_text(PADDED.format(7))
    initcli.init(path, tmp_path / "drawn.safetensors", recipe=str(rules))
    moved = load_file(tmp_path / "drawn.safetensors")["wte.weight"].roll(1, 0)
    save_file({"wte.weight": moved}, path)
    (finding,) = initcli.stats(path, recipe=str(rules)).findings
    assert (finding.code, "first at [7, 0]" in finding.message) == ("IC203", True)


def test_only_random_values_around_zero_can_have_a_zero_row() -> None:
    one = assigned(PADDED.format(7).replace('"normal"', '"uniform(0, 1)"'))["wte.weight"]
    assert one.draw is None
    assert "around zero" in one.reason


def test_a_setting_that_no_formula_asks_for_is_refused() -> None:
    plan = Plan.of(Asked("normal(std=1/n_layer)", settings=["n_layr=3"]))
    with pytest.raises(OptionError, match="no formula asks for n_layr"):
        plan.assign({}, {}, ())


WRAPPED = [f"0.auto_model.h.{block}.w" for block in range(12)]
STACKS = {
    "a wrapper of one number": (WRAPPED, "0.auto_model.h.3.w", {"layer": 3, "n_layer": 12}),
    "a sequence": (["0.w", "2.w"], "2.w", {"layer": 2, "n_layer": 3}),
    "two stacks": (["enc.0.w", "dec.0.w", "dec.1.w"], "enc.0.w", {"layer": 0, "n_layer": 1}),
    "experts within": (["h.0.e.7.w", "h.1.e.0.w"], "h.0.e.7.w", {"layer": 0, "n_layer": 2}),
    "outside all": ([*WRAPPED, "0.head.w"], "0.head.w", {"n_layer": 12}),
    "none": (["w"], "w", {}),
}


@pytest.mark.parametrize("case", STACKS.values(), ids=STACKS)
def test_blocks_are_counted_from_names(case: tuple[list[str], str, dict[str, int]]) -> None:
    names, name, expected = case
    assert Stacks.of(names).variables(name) == expected


def std_of(name: str, text: str, settings: list[str], config: dict[str, object]) -> float:
    specs = {name: TensorSpec(name, DTYPES["F32"], (4, 4))}
    plan = Plan.of(Asked(text, settings=settings))
    draw = plan.assign(specs, layers_of(specs), {name}, config)[name].draw
    assert draw is not None
    return draw.law.std


@pytest.mark.parametrize("setting", ["n_layer=3", "num_hidden_layers=3", "n_layers=3"])
def test_a_setting_may_have_any_name_that_configurations_give_the_thing(setting: str) -> None:
    std = std_of("h.0.w", "normal(std=1/n_layer)", [setting], {"num_hidden_layers": 12})
    assert std == pytest.approx(1 / 3)


def test_a_tensors_own_block_is_not_what_a_configuration_calls_so() -> None:
    assert std_of("h.1.w", "normal(std=1/(1+layer))", [], {"layer": 12}) == pytest.approx(1 / 2)
    assert std_of("h.1.w", "normal(std=1/size)", [], {"size": 3}) == pytest.approx(1 / 16)


def test_a_formula_that_fails_names_recipe_rule_and_tensor() -> None:
    with pytest.raises(OptionError, match="nothing says what 'sigma' is") as caught:
        assigned(NORMAL.format("sigma"))
    assert ", rule 1: normal(std=sigma) of " in caught.value.where


def test_without_a_padding_token_no_row_is_zero() -> None:
    draw = assigned(PADDED.format("pad_token_id"), config={"pad_token_id": None})["wte.weight"].draw
    assert draw is not None
    assert draw.law.variance == 1


@pytest.mark.parametrize("row", ["300", "-301", "0.5", "1/0", "9**9**9"])
def test_a_row_that_there_is_not_is_a_stated_skip(row: str) -> None:
    found = assigned(PADDED.format(row))["wte.weight"]
    assert (found.draw, found.is_skip) == (None, True)
    assert "row" in found.reason
