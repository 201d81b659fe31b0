"""No hostile file does harm: it is read or refused, soon, in little memory, in plain words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from attacked import WHERE, Ending, endings, faults_of, lay
from cases import REFUSED, SOUND, Case
from families import FAMILIES
from shell import Run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs FIFOs, sockets and symlinks")

ZEROS = str(Path(__file__).with_name("zeros.toml"))
COMMANDS = {
    "stats": (1, ("stats", WHERE, "--hash", "--include-optimizer", "--fail-on", "never")),
    "compare": (5, ("compare", WHERE, WHERE, "--equal-nan")),
    "init": (5, ("init", WHERE, "--recipe", ZEROS, "--dry-run")),
}
"""One of how many cases each is tried on, and its arguments."""


def cases_for(family: str, command: str) -> Iterator[Case]:
    """Yields what a command is tried on; the first is sound."""
    for each in islice(FAMILIES[family](), 0, None, COMMANDS[command][0]):
        # What draws anew reads no values, and is not told of lies in those alone; and where there
        # is no tensor there is nothing to draw.
        more = (REFUSED,) if SOUND in each.exits else (SOUND,) * each.is_in_values
        yield replace(each, exits=(*each.exits, *(more if command == "init" else ())))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_each_ends_as_it_should(family: str, command: str, tmp_path: Path) -> None:
    ended = endings(cases_for(family, command), tmp_path, *COMMANDS[command][1])
    faults = {each.name: found for each, ending in ended if (found := faults_of(each, ending))}
    assert faults == {}


def test_there_are_many_and_no_two_of_one_name() -> None:
    count = 0
    for family, cases in FAMILIES.items():
        names = [each.name for each in cases()]
        assert len(set(names)) == len(names) > 40, family
        count += len(names)
    assert count > 3000


@pytest.mark.parametrize("number", [0, 20, 40])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_installed_command_ends_so_too(
    family: str, number: int, run: Run, tmp_path: Path
) -> None:
    each = next(islice(FAMILIES[family](), number, None))
    lay(tmp_path / WHERE, each.make())
    done = run(*COMMANDS["stats"][1])
    assert faults_of(each, Ending(done.returncode, out=done.stdout, err=done.stderr)) == []
