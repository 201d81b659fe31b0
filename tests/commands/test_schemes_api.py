from __future__ import annotations

import pytest

import initcli
from initcli.core.errors import OptionError
from initcli.schemes.registry import SCHEMES
from initcli.schemes.spec import parse_scheme


def test_the_listing_holds_every_scheme() -> None:
    report = initcli.list_schemes()
    assert [row.name for row in report.table.rows] == list(SCHEMES)
    assert report.passed


@pytest.mark.parametrize("name", SCHEMES)
def test_a_scheme_in_full_names_its_parameters(name: str) -> None:
    report = initcli.list_schemes(f"{name}_")
    fields = {row.field: row.value for row in report.table.rows}
    assert fields["name"] == name
    assert fields.keys() >= SCHEMES[name].parameters.keys()
    if not any(each.is_required for each in SCHEMES[name].parameters.values()):
        assert parse_scheme(report.verdict).scheme is SCHEMES[name]


def test_an_unknown_scheme_is_suggested_another() -> None:
    with pytest.raises(OptionError) as caught:
        initcli.list_schemes("kaiming_normel")
    assert "kaiming_normal" in caught.value.hint
