"""What fails a run, by options and by a project's settings, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shell import SAMPLES, run_command

FAULTY = str(SAMPLES / "faulty.safetensors")


def codes(output: str) -> set[str]:
    return {finding["code"] for finding in json.loads(output)["findings"]}


def stats(cwd: Path, *arguments: str) -> tuple[int, set[str], str]:
    done = run_command(cwd, "stats", FAULTY, "--format", "json", *arguments)
    return done.returncode, codes(done.stdout), done.stderr


def test_checks_are_selected_and_ignored(tmp_path: Path) -> None:
    assert stats(tmp_path, "--select-check", "IC101")[:2] == (1, {"IC101"})
    code, found, _ = stats(tmp_path, "--ignore-check", "IC10", "--fail-on", "warning")
    assert not {each for each in found if each.startswith("IC10")}
    assert code == (1 if found else 0)


def test_a_check_that_is_named_gets_what_it_needs(tmp_path: Path) -> None:
    assert stats(tmp_path, "--select-check", "IC106")[1] == {"IC106"}
    assert stats(tmp_path, "--select-check", "IC105")[1] == {"IC105"}


def test_a_projects_settings_hold_below_it_and_options_go_before(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.initcli]\nselect-check = ["IC104"]\n[tool.initcli.severity]\nIC104 = "error"\n'
    )
    assert stats(below)[:2] == (1, {"IC104"})
    said = run_command(below, "stats", FAULTY).stderr
    assert "initcli: settings: " in said
    assert "pyproject.toml" in said
    assert stats(below, "--fail-on", "never")[0] == 0
    assert "IC101" in stats(below, "--no-config")[1]
    other = tmp_path / "other.toml"
    other.write_text('[[overrides]]\ntensors = "layers.1.*"\nignore-check = "IC101"\n')
    assert "IC101" not in stats(below, "--config", str(other))[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--select-check", "IC7"], "no check's code begins with 'IC7'"),
        (["--select-check", "IC4"], "IC4 has nothing to look at here: it needs pairs of tensors"),
        (["--select-check", "IC2"], "IC2 has nothing to look at here: it needs tensors with an"),
        (["--select-check", "ic501"], "IC501 has nothing to look at here"),
        (["--alpha", "0.1"], "--alpha is for a scheme, a recipe or a baseline"),
        (["--tolerance", "0.1"], "--tolerance is for a scheme, a recipe or a baseline"),
        (["-o", "junt:x"], "did you mean junit?"),
        (["--ignore-check", "IC1O1"], "IC101"),
        (["--fail-on", "errors"], "--fail-on: 'errors' is none of its values"),
        (["--config", "absent.toml"], "E107"),
        (["--config", "absent.toml", "--no-config"], "--no-config reads none"),
    ],
)
def test_what_means_nothing_exits_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run_command(tmp_path, "stats", FAULTY, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr


def test_an_unknown_key_of_settings_exits_2_with_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "initcli.toml").write_text("fail-onn = 'error'\n")
    done = run_command(tmp_path, "stats", FAULTY)
    assert done.returncode == 2
    assert "did you mean fail-on?" in done.stderr


def test_checks_are_listed_and_explained(tmp_path: Path) -> None:
    listed = run_command(tmp_path, "checks")
    assert listed.returncode == 0
    assert "IC101" in listed.stdout
    one = run_command(tmp_path, "checks", "ic202")
    assert "why it matters" in one.stdout
    unknown = run_command(tmp_path, "checks", "IC999")
    assert unknown.returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [["--select-check", "IC101"], ["--fail-on", "warning"], ["-o", "junit:j.xml"], ["--strict"]],
    ids=" ".join,
)
def test_whoever_asks_for_checks_gets_values_read(tmp_path: Path, arguments: list[str]) -> None:
    done = run_command(tmp_path, "stats", FAULTY, "--columns", "name,shape", *arguments)
    assert done.returncode == 1
    listed = run_command(tmp_path, "stats", FAULTY, "--columns", "name,shape")
    assert "no value was read" in listed.stdout
    assert listed.returncode == 0


def test_a_finding_names_its_checkpoint_among_several(tmp_path: Path) -> None:
    sound = str(SAMPLES / "digits_mlp.safetensors")
    done = run_command(tmp_path, "stats", sound, FAULTY)
    assert f"IC101  {FAULTY} layers.1.weight" in done.stdout


def test_checks_of_one_beginning_are_listed(tmp_path: Path) -> None:
    listed = run_command(tmp_path, "checks", "IC5", "--format", "csv").stdout.splitlines()[1:]
    assert listed
    assert all(line.startswith("IC5") for line in listed)


def test_an_override_that_matches_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "initcli.toml").write_text(
        '[[overrides]]\ntensors = "zzz*"\nignore-check = "IC1"\n'
        '[[overrides]]\ntensors = "head*"\nignore-check = "IC1"\n'
    )
    for arguments in (["stats", FAULTY], ["compare", FAULTY, FAULTY]):
        done = run_command(tmp_path, *arguments)
        assert "override 1 of the settings matches no tensor" in done.stderr
        assert "override 2" not in done.stderr
