"""One model in every format: the same numbers and digests as in safetensors, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from in_formats import FORMATS, model, rows_of, write_safetensors
from shell import Run


@pytest.fixture(params=FORMATS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A model as safetensors, and in another format under a name that says nothing."""
    form = FORMATS[request.param]
    arrays = model(form)
    write_safetensors(tmp_path / "reference", arrays)
    form.write(tmp_path / "other", arrays)
    return tmp_path / "reference", tmp_path / "other"


def test_statistics_are_the_same_bit_for_bit(pair: tuple[Path, Path], run: Run) -> None:
    reference, other = (rows_of(run, path) for path in pair)
    assert other == reference


def test_nothing_differs(pair: tuple[Path, Path], run: Run) -> None:
    done = run("compare", *pair, "--rtol", "0", "--atol", "0", "--equal-nan")
    assert done.returncode == 0, done.stdout + done.stderr


RECIPE = """
[[rule]]
select = "*"
keep = true

[[rule]]
select = "*.float32.40x30"
scheme = "zeros"
"""


def test_what_is_kept_is_written_back_as_it_was(pair: tuple[Path, Path], run: Run) -> None:
    (pair[0].parent / "keep.toml").write_text(RECIPE)
    done = run("init", pair[1], "--recipe", "keep.toml", "-o", "back.safetensors")
    assert done.returncode == 0, done.stderr
    exactly = ["--rtol", "0", "--atol", "0", "--equal-nan"]
    done = run("compare", pair[0], "back.safetensors", *exactly, "--exclude", "*.float32.40x30")
    assert done.returncode == 0, done.stdout + done.stderr
