"""What a killed writer left is gone with the next one; what a living one writes is not touched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from initcli.formats.writing.atomic import atomic_file
from initcli.formats.writing.leftovers import hidden_place, is_hidden

Make = Callable[[Path], object]
LEFT = ".out.0123456789ab.initcli.tmp"


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def make_full(path: Path) -> None:
    path.mkdir()
    (path / "shard").write_bytes(b"x")


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, make_full])
def test_what_is_left_over_is_reclaimed(make: Make, tmp_path: Path) -> None:
    make(tmp_path / LEFT)
    with atomic_file(tmp_path / "out", overwrite=False) as file:
        file.write(b"new")
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_what_is_being_written_stays(make: Make, tmp_path: Path) -> None:
    with hidden_place(tmp_path, "out", make) as living:
        with hidden_place(tmp_path, "out", Path.touch) as other:
            assert living.exists()
            assert living != other
        assert living.exists()
        assert is_hidden(living.name)
    assert not list(tmp_path.iterdir())


OTHERS = [
    ".other.0123456789ab.initcli.tmp",
    ".out.0123456789ab.tmp",
    "out.0123456789ab.initcli.tmp",
]


@pytest.mark.parametrize("name", [*OTHERS, ".out.0123456789AB.initcli.tmp", ".out.initcli.tmp"])
def test_what_is_called_otherwise_is_not_touched(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with hidden_place(tmp_path, "out", Path.touch):
        pass
    assert names_in(tmp_path) == [name]


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks and FIFOs")
@pytest.mark.parametrize("make", [lambda path: path.symlink_to("kept"), os.mkfifo])
def test_what_is_no_file_of_ours_is_not_touched(make: Make, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    make(tmp_path / LEFT)
    with hidden_place(tmp_path, "out", Path.touch):
        pass
    assert names_in(tmp_path) == [LEFT, "kept"]


def test_a_place_that_is_taken_for_left_over_is_made_again(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        path.touch()
        made.append(path)
        if len(made) == 1:  # another writer comes between this and the lock
            path.unlink()

    with hidden_place(tmp_path, "out", make) as place:
        assert place.exists()
    assert len(made) == 2


def test_whatever_is_raised_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), hidden_place(tmp_path, "out", make_full):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
