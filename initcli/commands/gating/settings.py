"""What a project has settled about its checks, once and for every run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from initcli.checks.finding import Severity
from initcli.checks.gate import FailOn
from initcli.commands.gating.values import (
    choice_of,
    codes_of,
    flag_of,
    probability_of,
    selector_of,
    severities_of,
    tolerance_of,
)
from initcli.core.errors import InitcliError, OptionError, SettingsError
from initcli.core.text import did_you_mean, visible
from initcli.recipes.selector import Selector


@dataclass(frozen=True, slots=True)
class Settings:
    """What a settings file says; None, or empty, where it says nothing.

    Attributes:
        select_check: Codes, or their beginnings, of the checks to ask.
        ignore_check: Codes, or their beginnings, of those not to ask.
        fail_on: The lightest severity that fails.
        strict: Whether what was not checked fails too.
        alpha: The chance that any tensor drawn by its scheme is found off.
        tolerance: What departs less from theory, as a share of the standard deviation or the
            variance, is no finding.
        rtol: The relative tolerance of comparisons.
        atol: Their absolute tolerance.
        severity: What findings weigh, by code or its beginning.
        overrides: What differs for some tensors, in order.
    """

    select_check: tuple[str, ...] = ()
    ignore_check: tuple[str, ...] = ()
    fail_on: FailOn | None = None
    strict: bool | None = None
    alpha: float | None = None
    tolerance: float | None = None
    rtol: float | None = None
    atol: float | None = None
    severity: Mapping[str, Severity] = field(default_factory=dict)
    overrides: tuple[OverrideSettings, ...] = ()


@dataclass(frozen=True, slots=True)
class OverrideSettings:
    """What a settings file says of some tensors.

    Attributes:
        tensors: Which.
        ignore_check: Codes, or their beginnings, whose findings are left out.
        severity: What findings weigh.
        rtol: The relative tolerance of comparisons.
        atol: Their absolute tolerance.
    """

    tensors: Selector
    ignore_check: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    rtol: float | None = None
    atol: float | None = None


def settings_of(table: Mapping[str, object], where: str) -> Settings:
    """Returns what a table of a settings file means.

    Raises:
        SettingsError: A key is unknown, or its value means nothing.
    """
    keys = {**_KEYS, "overrides": lambda value: _overrides(value, where)}
    return Settings(**_read(table, keys, where))


def _read(
    table: Mapping[str, object], keys: Mapping[str, Callable[[object], object]], where: str
) -> dict[str, Any]:
    read = {}
    for key, value in table.items():
        place = f"{where}, {visible(key, 80)}"
        if key not in keys:
            _refuse_key(key, keys, where)
        try:
            read[key.replace("-", "_")] = keys[key](value)
        except SettingsError:
            raise
        except InitcliError as error:
            raise SettingsError(error.message, where=place, hint=error.hint) from error
    return read


def _refuse_key(key: str, keys: Collection[str], where: str) -> NoReturn:
    hint = did_you_mean(key, keys) or f"one of {', '.join(keys)}"
    raise SettingsError(f"unknown key {visible(key, 80)!r}", where=where, hint=hint)


def _overrides(value: object, where: str) -> tuple[OverrideSettings, ...]:
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise OptionError("they are tables, [[overrides]] each")
    return tuple(
        _override(each, f"{where}, override {number}") for number, each in enumerate(value, 1)
    )


def _override(table: Mapping[str, object], where: str) -> OverrideSettings:
    if "tensors" not in table:
        raise SettingsError("it does not say which tensors", where=where, hint='tensors = "*.bias"')
    return OverrideSettings(**_read(table, _OVERRIDE_KEYS, where))


_TOLERANCES: dict[str, Callable[[object], object]] = {"rtol": tolerance_of, "atol": tolerance_of}
_KEYS: dict[str, Callable[[object], object]] = {
    "select-check": codes_of,
    "ignore-check": codes_of,
    "fail-on": lambda value: choice_of(value, FailOn),
    "strict": flag_of,
    "alpha": probability_of,
    "tolerance": tolerance_of,
    **_TOLERANCES,
    "severity": severities_of,
}
_OVERRIDE_KEYS: dict[str, Callable[[object], object]] = {
    "tensors": selector_of,
    "ignore-check": codes_of,
    "severity": severities_of,
    **_TOLERANCES,
}
