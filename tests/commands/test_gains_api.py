from __future__ import annotations

import csv
import json
import math

import pytest

import initcli
from initcli.core.errors import OptionError
from initcli.render.formats import Format, renderer
from initcli.schemes.activation import ACTIVATIONS
from initcli.schemes.gain import NAMES, second_moment_gain, torch_gain, warning_of
from shell import Run


def test_the_listing_holds_every_nonlinearity() -> None:
    report = initcli.list_gains()
    assert [row.name for row in report.table.rows] == list(ACTIVATIONS)
    assert report.passed
    for row in report.table.rows:
        assert row.torch_gain == torch_gain(row.name)
        assert row.moment_gain == second_moment_gain(row.name)
        assert (row.fixed_point == "unstable") == bool(warning_of(row.name))
        assert row.chi_1 == pytest.approx((row.moment_gain / row.backward_gain) ** 2, rel=1e-14)


def test_the_listing_takes_a_slope() -> None:
    one, other = initcli.list_gains(), initcli.list_gains(negative_slope=1)
    changed = {
        mine.name
        for mine, theirs in zip(one.table.rows, other.table.rows, strict=True)
        if mine != theirs
    }
    assert changed == {"leaky_relu"}


@pytest.mark.parametrize("slope", [math.nan, math.inf, -1e39])
def test_a_slope_is_a_number_that_fits_float32(slope: float) -> None:
    with pytest.raises(OptionError, match="negative_slope must be a number"):
        initcli.list_gains(negative_slope=slope)


@pytest.mark.parametrize("name", NAMES)
def test_a_nonlinearity_in_full_states_its_gains(name: str) -> None:
    report = initcli.list_gains(name)
    fields = {row.field: row.value for row in report.table.rows}
    assert name in fields["name"].split(", ")
    assert fields["moment gain"] == f"E[φ²]^(−1/2) = {second_moment_gain(name):.12g}"
    assert fields["torch gain"].startswith("none") == (torch_gain(name) is None)
    assert warning_of(name) in report.verdict
    assert fields["fixed point"] in report.verdict


@pytest.mark.parametrize("slope", [0.01, -1.0, 3e38])
def test_leaky_relu_in_full_states_its_slope(slope: float) -> None:
    report = initcli.list_gains("leaky_relu", negative_slope=slope)
    fields = {row.field: row.value for row in report.table.rows}
    assert fields["negative_slope"] == str(slope)
    assert float(fields["torch gain"]) == pytest.approx(torch_gain("leaky_relu", slope), rel=1e-11)
    assert fields["fixed point"] == "neutral"


def test_machines_get_numbers_at_full_precision() -> None:
    report = initcli.list_gains()
    document = json.loads(renderer(Format.JSON)(report))
    assert document["schema"] == "initcli.gains/1"
    found = {row["name"]: row for row in document["rows"]}
    assert found["gelu"]["moment_gain"] == second_moment_gain("gelu")
    assert found["gelu"]["torch_gain"] is None
    lines = list(csv.DictReader(renderer(Format.CSV)(report).splitlines()))
    assert {line["name"]: line["fixed_point"] for line in lines} == {
        name: row["fixed_point"] for name, row in found.items()
    }


def test_an_unknown_nonlinearity_is_suggested_another() -> None:
    with pytest.raises(OptionError) as caught:
        initcli.list_gains("gulu")
    assert "gelu" in caught.value.hint


def test_the_command_line_knows_the_names(run: Run) -> None:
    asked = {"_INITCLI_COMPLETE": "complete_bash", "COMP_WORDS": "initcli gains gel"}
    assert run(env=asked | {"COMP_CWORD": "2"}).stdout.split() == ["gelu", "gelu_tanh"]
    shown = run("gains", "leaky_relu", "--negative_slope", "0.2")
    assert "1.38675049056" in shown.stdout
