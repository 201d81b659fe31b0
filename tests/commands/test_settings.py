"""Settings: what files may say, where they are found, and what goes before them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from initcli.checks.finding import Severity
from initcli.checks.gate import FailOn
from initcli.checks.policy import Override, Policy
from initcli.checks.registry import CHECKS
from initcli.commands.gating.criteria import Criteria
from initcli.commands.gating.settings_file import find_settings, read_settings
from initcli.core.errors import InitcliError, OptionError, SettingsError
from shell import ROOT

FULL = """
select-check = ["IC1", "IC202"]
ignore-check = "IC106"
fail-on = "warning"
strict = true
alpha = 0.01
tolerance = 0
rtol = 1e-4
atol = 1e-6

[severity]
IC104 = "error"
IC1 = "note"

[[overrides]]
tensors = ["*.bias", "re:^head"]
ignore-check = ["IC104"]
severity = { IC101 = "warning" }
rtol = 0.1
"""


def written(directory: Path, text: str, name: str = "initcli.toml") -> Path:
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def test_a_full_file_is_read(tmp_path: Path) -> None:
    said = read_settings(written(tmp_path, FULL))
    assert said.select_check == ("IC1", "IC202")
    assert said.ignore_check == ("IC106",)
    assert (said.fail_on, said.strict, said.alpha, said.tolerance) == (
        FailOn.WARNING,
        True,
        0.01,
        0.0,
    )
    assert (said.rtol, said.atol) == (1e-4, 1e-6)
    assert said.severity == {"IC104": Severity.ERROR, "IC1": Severity.NOTE}
    (override,) = said.overrides
    assert override.tensors.matches("a.bias")
    assert override.tensors.matches("head.weight")
    assert not override.tensors.matches("a.weight")
    assert (override.rtol, override.atol) == (0.1, None)


WRONG = {
    "unknown key": ("fail-om = 'error'", "unknown key 'fail-om'", "did you mean fail-on?"),
    "underscore": ("fail_on = 'error'", "unknown key 'fail_on'", "did you mean fail-on?"),
    "unknown code": (
        "ignore-check = ['IC999']",
        "no check's code begins with 'IC999'",
        "did you mean",
    ),
    "empty code": ("ignore-check = ['']", "no check's code begins with ''", "initcli checks"),
    "codes of a wrong type": ("ignore-check = [1]", "a list of texts", ""),
    "unknown severity": ("severity.IC101 = 'fatal'", "'fatal' is none", "note, warning, error"),
    "severity of a wrong type": ("severity = 1", "a table", ""),
    "fail-on": ("fail-on = 'warnings'", "'warnings' is none", "did you mean warning?"),
    "strict": ("strict = 'yes'", "true or false", ""),
    "alpha": ("alpha = 1", "between 0 and 1", ""),
    "alpha of a wrong type": ("alpha = true", "must be a number", ""),
    "tolerance": ("tolerance = -1", "from 0 on", ""),
    "infinite tolerance": ("rtol = inf", "from 0 on", ""),
    "NaN tolerance": ("rtol = nan", "from 0 on", ""),
    "overrides": ("overrides = 'IC1'", "[[overrides]]", ""),
    "no tensors": ("[[overrides]]\nrtol = 1", "which tensors", "tensors ="),
    "unknown override key": ("[[overrides]]\ntensors='*'\nalpha=1", "unknown key 'alpha'", ""),
    "malformed pattern": ("[[overrides]]\ntensors='re:('", "not a regular expression", ""),
    "no TOML": ("= 3", "not TOML", ""),
    "control characters": ("'\x1b[31m' = 3", "not TOML", ""),
    "a name that acts": ('"\\u001b[31m" = 3', "unknown key '\\\\x1b[31m'", ""),
}


@pytest.mark.parametrize(("text", "message", "hint"), WRONG.values(), ids=WRONG)
def test_what_means_nothing_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.where


def test_a_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.toml"):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_settings(path)
    with pytest.raises(SettingsError, match="longer than a mebibyte"):
        read_settings(written(tmp_path, "#" * (1 << 20) + "\n"))


def test_settings_are_found_from_below_and_not_beyond_the_project(tmp_path: Path) -> None:
    outer = written(tmp_path, "", "initcli.toml")
    project = tmp_path / "project"
    below = project / "a" / "b"
    below.mkdir(parents=True)
    assert find_settings(below) == outer
    (project / ".git").mkdir()
    assert find_settings(below) is None
    shared = written(project, "[tool.other]\n", "pyproject.toml")
    assert find_settings(below) is None
    shared.write_text("[tool.initcli]\nstrict = true\n")
    assert find_settings(below) == shared
    assert read_settings(shared).strict is True
    own = written(project, "", "initcli.toml")
    assert find_settings(below) == own


def test_a_shared_file_without_a_table_is_refused_when_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no table \[tool.initcli\]"):
        read_settings(written(tmp_path, "tool = 3", "pyproject.toml"))


def test_options_go_before_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    bare = Criteria.of(path)
    assert bare.policy.select == ("IC1", "IC202")
    assert (bare.gate.fail_on, bare.gate.strict, bare.alpha) == (FailOn.WARNING, True, 0.01)
    given = Criteria.of(
        path,
        select_check="IC201",
        ignore_check=["IC101,IC102", "IC103"],
        fail_on="never",
        strict=False,
        alpha=0.5,
        tolerance=0.25,
    )
    assert given.policy.select == ("IC201",)
    assert given.policy.ignore == ("IC106", "IC101", "IC102", "IC103")
    assert (given.gate.fail_on, given.gate.strict) == (FailOn.NEVER, False)
    assert (given.alpha, given.tolerance) == (0.5, 0.25)


@pytest.mark.parametrize(
    "options", [{"select_check": "IC7"}, {"fail_on": "errors"}, {"alpha": 0.0}, {"tolerance": -1.0}]
)
def test_options_that_mean_nothing_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Criteria.of(**options)  # type: ignore[arg-type]


def weigh(policy: Policy, code: str, tensor: str = "w") -> Severity | None:
    return policy.severity_of(code, tensor, CHECKS[code].severity)


def test_the_longest_beginning_weighs_and_the_last_override_decides() -> None:
    policy = Policy(
        severity={"IC1": Severity.NOTE, "IC104": Severity.ERROR},
        overrides=(
            Override(lambda name: name.endswith("bias"), ignore=("IC104",)),
            Override(lambda name: name == "w", severity={"IC101": Severity.WARNING}),
            Override(lambda name: name == "w", severity={"IC10": Severity.ERROR}),
        ),
    )
    assert weigh(policy, "IC102", "v") is Severity.NOTE
    assert weigh(policy, "IC104", "v") is Severity.ERROR
    assert weigh(policy, "IC104", "v.bias") is None
    assert weigh(policy, "IC101") is Severity.ERROR
    assert weigh(policy, "IC202") is Severity.ERROR


def test_coverage_is_asked_of_whatever_is_selected_and_can_be_ignored() -> None:
    policy = Policy(select=("IC101",))
    assert policy.asks("IC101")
    assert not policy.asks("IC102")
    assert policy.asks("IC901", is_coverage=True)
    assert not Policy(ignore=("IC9",)).asks("IC901", is_coverage=True)


def test_every_error_of_settings_has_its_code() -> None:
    assert issubclass(SettingsError, InitcliError)
    assert SettingsError.code == "E107"


def test_the_settings_that_the_readme_shows_are_read(tmp_path: Path) -> None:
    (text,) = re.findall(
        r"^```toml\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    said = read_settings(written(tmp_path, text))
    assert said.ignore_check == ("IC106",)
    assert said.severity == {"IC305": Severity.ERROR}
    assert said.overrides[0].rtol == 1e-3
