from __future__ import annotations

import re

import pytest

from initcli.core.errors import InitcliError, catalogue


def test_codes_are_unique_and_none_is_left_out() -> None:
    assert set(catalogue().values()) == set(InitcliError.__subclasses__())


@pytest.mark.parametrize(("code", "kind"), catalogue().items())
def test_every_error_has_a_code_a_title_and_an_explanation(
    code: str, kind: type[InitcliError]
) -> None:
    assert re.fullmatch(r"E[12]\d\d", code)
    assert kind.exit_code == 2
    assert kind.title != InitcliError.title
    assert kind.__doc__
    error = kind("what", where="here", hint="do this")
    assert (str(error), error.message, error.where, error.hint) == (
        "what",
        "what",
        "here",
        "do this",
    )
