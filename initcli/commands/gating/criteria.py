"""What fails a run: options, and behind them what a settings file says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from initcli.checks.finding import Finding
from initcli.checks.gate import FailOn, Gate
from initcli.checks.policy import EVERYTHING, Override, Policy
from initcli.checks.registry import CHECKS, selectable
from initcli.commands.gating.settings import OverrideSettings, Settings
from initcli.commands.gating.settings_file import read_settings
from initcli.commands.gating.values import choice_of, known_code, probability_of, tolerance_of
from initcli.core.errors import OptionError
from initcli.theory.rejection import TOLERANCE

ALPHA = 1e-3
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Criteria:
    """What fails a run.

    Attributes:
        policy: Which checks are asked, and what their findings weigh.
        gate: Which findings fail.
        alpha: The chance that any tensor drawn by its scheme is found off.
        tolerance: What departs less from theory is no finding.
        settings: What the settings file says besides.
        notes: Which file that is.
        named: The codes that an option asks for, which must not be idle.
        is_asked: Whether an option says what fails, so that checks must be asked.
    """

    policy: Policy = EVERYTHING
    gate: Gate = field(default_factory=Gate)
    alpha: float = ALPHA
    tolerance: float = TOLERANCE
    settings: Settings = field(default_factory=Settings)
    notes: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    is_asked: bool = False

    @classmethod
    def of(
        cls,
        config: str | Path | None = None,
        *,
        select_check: Sequence[str] | str = (),
        ignore_check: Sequence[str] | str = (),
        fail_on: str | None = None,
        strict: bool | None = None,
        alpha: float | None = None,
        tolerance: float | None = None,
    ) -> Self:
        """Builds criteria from options, and from a settings file where an option says nothing.

        Args:
            config: The settings file; None for no settings.
            select_check: Codes, or their beginnings, of the checks to ask instead of all.
            ignore_check: Codes, or their beginnings, of those not to ask, besides the file's.
            fail_on: The lightest finding that fails: `warning`, `error` or `never`.
            strict: Whether what could not be checked fails too.
            alpha: The chance that any tensor drawn by its scheme is found off.
            tolerance: What departs less from theory is no finding.

        Raises:
            OptionError: An option means nothing.
            SettingsError: The file does.
        """
        said = Settings() if config is None else read_settings(Path(config))
        named = _codes(select_check)
        given_fail_on = None if fail_on is None else _chosen("--fail-on", fail_on)
        return cls(
            Policy(
                named or said.select_check,
                (*said.ignore_check, *_codes(ignore_check)),
                said.severity,
                tuple(map(_override, said.overrides)),
            ),
            Gate(
                _first(given_fail_on, said.fail_on, FailOn.ERROR),
                strict=_first(strict, said.strict, False),  # noqa: FBT003 - the last resort
            ),
            _first(None if alpha is None else probability_of(alpha), said.alpha, ALPHA),
            _first(
                None if tolerance is None else tolerance_of(tolerance), said.tolerance, TOLERANCE
            ),
            said,
            () if config is None else (f"settings: {config}",),
            named,
            bool(named) or fail_on is not None,
        )

    @property
    def needs_values(self) -> bool:
        """Whether a listing of headers will not do."""
        return self.is_asked or self.gate.strict

    def refuse_idle(self, *kinds: type, has_laws: bool = False) -> None:
        """Refuses codes that an option names and that have nothing to look at in this run.

        Args:
            kinds: The kinds of subjects that there are.
            has_laws: Whether schemes are expected of tensors.

        Raises:
            OptionError: There is one.
        """
        for code in self.named:
            if not selectable(code, kinds, has_laws=has_laws):
                looks_at = next(
                    each.looks_at for own, each in CHECKS.items() if own.startswith(code)
                )
                raise OptionError(f"{code} has nothing to look at here: it needs {looks_at}")

    def idle_overrides(self, names: Collection[str]) -> tuple[str, ...]:
        """Returns a note on each override of the settings that speaks of none of these tensors."""
        return tuple(
            f"override {number} of the settings matches no tensor"
            for number, each in enumerate(self.settings.overrides, 1)
            if not any(map(each.tensors.matches, names))
        )

    def passes(self, findings: Iterable[Finding]) -> bool:
        """Whether a run with these findings is clean."""
        return not any(map(self.gate.fails, findings))


def _chosen(option: str, value: str) -> FailOn:
    try:
        return choice_of(value, FailOn)
    except OptionError as error:
        raise OptionError(f"{option}: {error.message}", hint=error.hint) from error


def _codes(given: Sequence[str] | str) -> tuple[str, ...]:
    several = [given] if isinstance(given, str) else given
    return tuple(
        known_code(code.strip()) for text in several for code in text.split(",") if code.strip()
    )


def _override(said: OverrideSettings) -> Override:
    return Override(said.tensors.matches, said.ignore_check, said.severity)


def _first(given: _Value | None, said: _Value | None, usual: _Value) -> _Value:
    return next(value for value in (given, said, usual) if value is not None)
