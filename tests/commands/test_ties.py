"""Declared ties that are stored twice are compared, whoever declares them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import initcli
from reported import by_name, found, matrix

HEAD, EMBED = "lm_head.weight", "model.embed_tokens.weight"
TOLD = f"tied to {EMBED} by config.json's tie_word_embeddings, and stored beside it: "


def stored(
    directory: Path,
    tensors: dict[str, torch.Tensor],
    config: object = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    save_file(tensors, directory / "model.safetensors", metadata)
    if config is not None:
        (directory / "config.json").write_text(json.dumps(config))
    return directory / "model.safetensors"


TIED = {"tie_word_embeddings": True}
VALUES = matrix(6, 4)
OTHER = VALUES.clone()
OTHER[2, 3] += 1


@pytest.mark.parametrize(
    ("head", "config", "expected"),
    [
        (OTHER, TIED, "1 of 24 values differ"),
        (OTHER, {"text_config": TIED}, "1 of 24 values differ"),
        (matrix(4, 6), TIED, "the shapes differ"),
        (OTHER.bfloat16(), TIED, "24 of 24 values differ"),
        (VALUES.clone(), TIED, None),
        (VALUES.bfloat16(), TIED, None),
        (OTHER, {"tie_word_embeddings": False}, None),
        (OTHER, {}, None),
        (OTHER, None, None),
    ],
)
def test_a_tie_of_the_configuration(
    head: torch.Tensor, config: object, expected: str | None, tmp_path: Path
) -> None:
    report = initcli.stats(stored(tmp_path, {HEAD: head, EMBED: VALUES}, config))
    assert found(report, "IC304") == ({HEAD: TOLD + expected} if expected else {})
    assert report.passed is (expected is None)


def test_a_tie_of_the_metadata(tmp_path: Path) -> None:
    tensors = {"a.w": VALUES, "b.w": OTHER}
    path = stored(tmp_path, tensors, metadata={"b.w": "a.w", "a": "a.w", "format": "pt"})
    told = "tied to a.w by the metadata, and stored beside it: 1 of 24 values differ"
    assert found(initcli.stats(path), "IC304") == {"b.w": told}


def test_a_tie_of_the_model(tmp_path: Path) -> None:
    model = tmp_path / "tied.py"
    model.write_text(
        "import torch\n"
        "def tied():\n"
        "    head = torch.nn.Linear(4, 6, bias=False)\n"
        "    model = torch.nn.Sequential(torch.nn.Embedding(6, 4), head)\n"
        "    model[1].weight = model[0].weight\n"
        "    return model\n"
    )
    path = stored(tmp_path, {"0.weight": VALUES, "1.weight": OTHER})
    report = initcli.stats(path, model=f"{model}:tied")
    assert found(report, "IC304").keys() == {"1.weight"}
    assert "tied to 0.weight by the model" in found(report, "IC304")["1.weight"]
    assert {each.code for each in report.findings} == {"IC304"}


def test_values_that_cannot_be_decoded_are_compared_byte_by_byte(tmp_path: Path) -> None:
    codes = torch.arange(24, dtype=torch.uint8).view(6, 4)
    dtype = torch.float8_e8m0fnu
    other = codes.clone()
    other[0, 0] = 9
    path = stored(tmp_path, {HEAD: other.view(dtype), EMBED: codes.view(dtype)}, TIED)
    assert found(initcli.stats(path), "IC304").keys() == {HEAD}


def test_nan_in_both_is_no_difference(tmp_path: Path) -> None:
    values = VALUES.clone()
    values[0, 0] = torch.nan
    report = initcli.stats(stored(tmp_path, {HEAD: values.clone(), EMBED: values}, TIED))
    assert found(report, "IC304") == {}


def test_tensors_without_values_are_equal(tmp_path: Path) -> None:
    path = stored(tmp_path, {HEAD: torch.ones(0, 4), EMBED: torch.ones(0, 4)}, TIED)
    assert initcli.stats(path).passed


def test_only_what_is_asked_about_is_compared(tmp_path: Path) -> None:
    tensors = {HEAD: OTHER, EMBED: VALUES, "x": matrix(3, 3)}
    path = stored(tmp_path, tensors, TIED)
    assert found(initcli.stats(path, select="x"), "IC304") == {}
    assert found(initcli.stats(path, select=EMBED), "IC304").keys() == {HEAD}


def test_a_listing_reads_no_value_to_compare(tmp_path: Path) -> None:
    report = initcli.stats(
        stored(tmp_path, {HEAD: OTHER, EMBED: VALUES}, TIED), columns="name,shape", detail=False
    )
    assert not report.has_values
    assert report.findings == ()


def test_a_configuration_that_is_broken_fails_no_weights_and_is_noted(tmp_path: Path) -> None:
    path = stored(tmp_path, {HEAD: OTHER, EMBED: VALUES})
    (tmp_path / "config.json").write_text("{")
    report = initcli.stats(path)
    assert report.passed
    assert any(note.startswith("ties not checked against config.json") for note in report.notes)


@pytest.mark.parametrize(
    ("metadata", "copies"),
    [
        (None, {"b.w": "a.w", "c.w": "a.w"}),
        ({"b.w": "a.w"}, {"c.w": "a.w"}),
        ({"a.w": "b.w"}, {"c.w": "a.w"}),
        ({"c.w": "b.w"}, {"b.w": "a.w", "c.w": "a.w"}),
        ({"c.w": "b.w", "b.w": "a.w"}, {}),
        ({"b.w": "a.w", "c.w": "a.w"}, {}),
        ({"a.w": "b.w", "b.w": "a.w"}, {"c.w": "a.w"}),
    ],
)
def test_a_declared_tie_that_holds_is_no_copy(
    metadata: dict[str, str] | None, copies: dict[str, str], tmp_path: Path
) -> None:
    tensors = {name: VALUES.clone() for name in ("a.w", "b.w", "c.w")}
    report = initcli.stats(stored(tmp_path, tensors, metadata=metadata), hashes=True)
    told = {name: f"the same bytes as {first}" for name, first in copies.items()}
    assert found(report, "IC105") == told
    assert found(report, "IC304") == {}
    assert by_name(report)["b.w"].duplicate_of == "a.w"  # the column tells what is, tied or not


@pytest.mark.parametrize("is_tied", [True, False])
def test_embeddings_that_are_tied_are_no_copies(tmp_path: Path, *, is_tied: bool) -> None:
    path = stored(tmp_path, {HEAD: VALUES.clone(), EMBED: VALUES}, TIED if is_tied else {})
    assert bool(found(initcli.stats(path, hashes=True), "IC105")) is not is_tied
