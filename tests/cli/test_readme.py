"""The README is run: its commands, its Python, its tables; `pytest --refresh` rewrites it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from initcli.checks.registry import CHECKS
from initcli.core.errors import catalogue
from initcli.recipes.recipe import builtin_names, load_recipe
from initcli.render.formats import Format
from initcli.reports import compare_columns, tensor_columns, timeline_columns
from initcli.reports.table import Column
from initcli.schemes.registry import SCHEMES
from shell import COMMAND, ROOT, neutral_environment

README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [body for found, body in BLOCK.findall(README.read_text("utf-8")) if found == language]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "sample_models", place / "sample_models")
    return place


def transcript(body: str, place: Path) -> str:
    """Runs each `$ command` of a block in a shell; `$?` is the exit code of the one before."""
    lines, code = [], 0
    path = f"{COMMAND.parent}:{neutral_environment()['PATH']}"
    for command in re.findall(r"^\$ (.*)$", body, re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", f"(exit {code}); {command}"],
            cwd=place,
            env=neutral_environment(PATH=path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        code = done.returncode
        lines.append(f"$ {command}\n{done.stdout}")
    return "".join(lines)


def test_every_command_shows_what_it_really_prints(
    workplace: Path, request: pytest.FixtureRequest
) -> None:
    text = README.read_text("utf-8")
    for body in blocks("console"):
        text = text.replace(
            f"```console\n{body}```", f"```console\n{transcript(body, workplace)}```"
        )
        for made in workplace.glob("*.safetensors"):
            assert made.stat().st_size
    if request.config.getoption("--refresh"):
        README.write_text(text, "utf-8")
    assert text == README.read_text("utf-8")


def test_every_python_block_runs(workplace: Path) -> None:
    for body in blocks("python"):
        subprocess.run([sys.executable, "-c", body], cwd=workplace, check=True, timeout=120)


def test_every_test_in_it_passes(workplace: Path) -> None:
    bodies = [body for body in blocks("python") if "def test_" in body]
    (workplace / "test_readme_blocks.py").write_text("\n\n".join(bodies), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "test_readme_blocks.py"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=workplace,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"{len(bodies)} passed" in done.stdout, done.stdout


def test_the_install_commands_are_those_that_ci_runs() -> None:
    commands = "".join(blocks("sh")).splitlines()
    assert len(commands) == 2
    assert all(command.startswith("pip install -c constraints.txt") for command in commands)
    assert "README.md" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_there_is_no_block_that_nobody_runs() -> None:
    languages = {language for language, _ in BLOCK.findall(README.read_text("utf-8"))}
    assert languages == {"sh", "console", "python", "yaml", "toml"}


@pytest.mark.parametrize("form", Format)
def test_every_form_of_output_is_described(form: Format) -> None:
    assert f"\n| `{form}` | " in README.read_text("utf-8")


TABLES = {
    "| recipe | initialises |": [
        f"| `{name}` | {load_recipe(name).summary} |" for name in builtin_names()
    ],
    "| scheme | draws | variance |": [
        f"| `{each.signature}` | {each.formula} | {each.variance} |" for each in SCHEMES.values()
    ],
    "| code | weight | what is found | what to do |": [
        f"| {code} | {each.severity.value} | {each.title} | {each.advice} |"
        for code, each in sorted(CHECKS.items())
    ],
    "| code | meaning |": [
        *(
            f"| {code} | {each.title}: {(each.__doc__ or '').splitlines()[0]} |"
            for code, each in sorted(catalogue().items())
        ),
        "| E301 | internal error: A bug in initcli; `INITCLI_TRACEBACK=1` shows where. |",
    ],
}


@pytest.mark.parametrize("head", TABLES)
def test_the_tables_come_from_the_registries(head: str, request: pytest.FixtureRequest) -> None:
    text = README.read_text("utf-8")
    rule = "|" + "---|" * (head.count("|") - 1)
    start = text.index(f"{head}\n{rule}\n") + len(head) + len(rule) + 2
    end = text.index("\n\n", start - 1) + 1
    rows = "".join(f"{row}\n" for row in TABLES[head])
    if request.config.getoption("--refresh"):
        README.write_text(text[:start] + rows + text[end:], "utf-8")
    assert rows in README.read_text("utf-8")


@pytest.mark.parametrize(
    "column",
    [
        *tensor_columns.COLUMNS,
        *compare_columns.COLUMNS,
        *timeline_columns.COLUMNS,
        *timeline_columns.STEP_COLUMNS,
    ],
    ids=lambda one: one.key,
)
def test_every_column_is_described(column: Column) -> None:
    assert f"`{column.key}`" in README.read_text("utf-8")
