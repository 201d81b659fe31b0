"""A model tells what no file can: groups, strides, gates."""

from __future__ import annotations

from pathlib import Path

import pytest

import initcli
from initcli.core.errors import OptionError
from reported import by_name

ASSUMED = "taken for a convolution of one group"


@pytest.fixture
def drawn(samples: Path, tmp_path: Path) -> Path:
    path = tmp_path / "drawn.safetensors"
    initcli.init(f"{samples}/convnet.py:convnet", path, scheme="glorot_uniform", bias="zeros")
    return path


def test_a_file_alone_is_taken_for_plain_convolutions_and_says_so(drawn: Path) -> None:
    report = initcli.stats(drawn, scheme="glorot_uniform")
    assert any(ASSUMED in note for note in report.notes)
    off = {row.name for row in report.rows if row.verdict not in {None, "ok"}}
    assert off >= {"depthwise.weight", "up.weight"}


def test_the_model_tells_fans(drawn: Path, samples: Path) -> None:
    report = initcli.stats(
        drawn, scheme="glorot_uniform", model=f"{samples}/convnet.py:convnet", strict=True
    )
    assert report.passed
    assert not any(ASSUMED in note for note in report.notes)
    assert {row.verdict for row in report.rows if row.scheme} == {"ok"}


def test_a_wrong_fan_is_still_found_beside_the_model(drawn: Path, samples: Path) -> None:
    model = f"{samples}/convnet.py:convnet"
    report = initcli.stats(drawn, scheme="glorot_uniform(fans=torch)", model=model)
    assert by_name(report)["up.weight"].verdict == "variance off"


def test_arguments_are_the_factorys(drawn: Path, samples: Path) -> None:
    model = f"{samples}/convnet.py:convnet"
    # Of other shapes than the file's a module tells nothing.
    report = initcli.stats(drawn, scheme="glorot_uniform", model=model, arguments=["channels=32"])
    assert any(ASSUMED in note for note in report.notes)
    with pytest.raises(OptionError, match="no --model is given"):
        initcli.stats(drawn, arguments=["channels=32"])


def test_a_checkpoint_is_no_model(drawn: Path) -> None:
    with pytest.raises(OptionError, match="a checkpoint is no model"):
        initcli.stats(drawn, scheme="zeros", model=str(drawn))
