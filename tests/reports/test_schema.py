"""The JSON Schemas: every document that a command prints is held against its own."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import jsonschema
import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import initcli
from initcli.cli.app import app
from initcli.core.errors import OptionError
from initcli.reports.documents import DOCUMENTS
from initcli.reports.schema import document_schema
from reported import raw_file
from shell import SAMPLES, Run

Document = dict[str, Any]
DIGITS = str(SAMPLES / "digits_mlp.safetensors")
FAULTY = str(SAMPLES / "faulty.safetensors")
MLP = f"{SAMPLES / 'mlp.py'}:mlp"


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = initcli.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code in {0, 1}, done.output
    return done.stdout


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Returns checkpoints of which few are healthy, by name."""
    place = tmp_path_factory.mktemp("odd")
    nan, huge = np.full((4, 4), np.nan, np.float32), np.full((4, 4), 1e200)
    huge[0] *= -1
    save_file({}, place / "empty.safetensors")
    save_file({"w": nan, "e": np.zeros((0, 3), np.float32)}, place / "nan.safetensors")
    save_file({"w": huge, "s": np.array(1, np.float32)}, place / "huge.safetensors")
    save_file({"w": nan + 1, "i": np.arange(6).reshape(2, 3)}, place / "mixed.safetensors")
    save_file({"w": (nan + 1j).astype(np.complex64)}, place / "complex.safetensors")
    raw_file(place, {"w": ("F6_E2M3", [4], b"\0\0\0")})
    return {path.stem: str(path) for path in place.iterdir()}


PRINTED = [
    ("stats", ["stats", DIGITS]),
    ("stats", ["stats", FAULTY]),
    ("stats", ["stats", FAULTY, DIGITS, "--rows", "--hash", "--spectrum"]),
    ("stats", ["stats", FAULTY, "--scheme", "orthogonal", "--bias", "zeros"]),
    ("stats", ["stats", FAULTY, "--scheme", "dirac", "--strict"]),
    ("stats", ["stats", str(SAMPLES / "tiny_gpt"), "--recipe", "gpt2"]),
    ("stats", ["stats", FAULTY, "--by", "layer"]),
    ("stats", ["stats", FAULTY, "--by", "dtype", "--columns", "name,std,tensors"]),
    ("stats", ["stats", FAULTY, "--columns", "name,shape,dtype", "--top", "1"]),
    ("stats", ["stats", FAULTY, "--columns", "hist,p01,worst_row,stable_rank"]),
    *(("stats", ["stats", f"{{{name}}}"]) for name in ("empty", "nan", "huge", "mixed", "complex")),
    ("stats", ["stats", "{raw}", "--rows"]),
    ("stats", ["stats", FAULTY, "{nan}", "{mixed}", "{raw}", "--identify"]),
    ("stats", ["stats", str(SAMPLES / "tiny_gpt"), "--identify", "--exact"]),
    ("compare", ["compare", DIGITS, DIGITS]),
    ("compare", ["compare", DIGITS, FAULTY]),
    ("compare", ["compare", DIGITS, FAULTY, "--columns", "name,shape,dtype,max_abs"]),
    ("compare", ["compare", "{nan}", "{huge}"]),
    ("compare", ["compare", "{mixed}", "{nan}"]),
    ("compare", ["compare", "{empty}", "{empty}"]),
    ("compare", ["compare", "{raw}", "{complex}"]),
    ("compare", ["compare", FAULTY, FAULTY, "--by", "layer"]),
    ("compare", ["compare", DIGITS, FAULTY, "--by", "role", "--columns", "name,training"]),
    ("compare", ["compare", FAULTY, FAULTY, "--spectrum", "--columns", "+ks,+psi,+max_ulp"]),
    ("compare", ["compare", DIGITS, FAULTY, "--match", "transposed,fused"]),
    ("timeline", ["compare", DIGITS, FAULTY, DIGITS]),
    ("timeline", ["compare", DIGITS, DIGITS, "{nan}", "{huge}", "--by", "step"]),
    ("init", ["init", MLP, "--scheme", "kaiming_normal", "--dry-run"]),
    ("init", ["init", MLP, "--scheme", "kaiming_normal", "-o", "{place}/made.safetensors"]),
    (
        "init",
        ["init", DIGITS, "-s", "head.*", "--scheme", "zeros", "-o", "{place}/cut.safetensors"],
    ),
    ("checks", ["checks"]),
    ("check", ["checks", "IC202"]),
    ("schemes", ["schemes"]),
    ("scheme", ["schemes", "trunc_normal"]),
    ("gains", ["gains"]),
    ("gains", ["gains", "--negative_slope", "1e38"]),
    ("gain", ["gains", "leaky_relu"]),
    ("recipes", ["recipes"]),
    ("recipe", ["recipes", "gpt2"]),
    ("recipe", ["recipes", "torch_default"]),
]


@pytest.mark.parametrize(("name", "arguments"), PRINTED, ids=lambda one: str(one)[-60:])
def test_a_document_keeps_to_its_schema(
    name: str, arguments: list[str], odd: dict[str, str], tmp_path: Path
) -> None:
    filled = [each.format(place=tmp_path, **odd) for each in arguments]
    document = json.loads(printed(*filled, "--format", "json"))
    validator(name).validate(document)
    if (tmp_path / "made.safetensors").exists():
        return  # a second run would be refused
    if not (tmp_path / "cut.safetensors").exists():
        keys = ("steps",) if "step" in arguments else ("tensors", "rows")
        [rows] = (document[key] for key in keys if key in document)
        lines = printed(*filled, "--format", "jsonl").splitlines()
        assert [json.loads(line) for line in lines] == rows


def test_every_form_of_document_is_printed_by_a_command_above() -> None:
    assert {name for name, _ in PRINTED} == set(DOCUMENTS)


def test_numbers_that_are_not_finite_were_among_them(odd: dict[str, str]) -> None:
    document = json.loads(printed("stats", odd["huge"], "--format", "json"))
    assert any("non_finite" in row for row in document["tensors"])
    document = json.loads(printed("compare", odd["huge"], odd["nan"], "--format", "json"))
    assert any("non_finite" in row for row in document["tensors"])


def test_lines_are_held_by_a_definition_of_the_schema(odd: dict[str, str]) -> None:
    for name, row, arguments in (
        ("stats", "TensorRow", ["stats", FAULTY]),
        ("compare", "CompareRow", ["compare", DIGITS, odd["nan"]]),
        ("recipes", "RecipeRow", ["recipes"]),
    ):
        schema = initcli.schema(name) | {"$ref": f"#/$defs/{row}"}
        kept = {key: schema[key] for key in ("$schema", "$defs", "$ref")}
        lines = printed(*arguments, "--format", "jsonl").splitlines()
        for line in lines:
            jsonschema.Draft202012Validator(kept).validate(json.loads(line))
        assert lines


Change = Callable[[Document], object]
MUTATIONS: dict[str, Change] = {
    "another version": lambda one: one.update(schema="initcli.stats/2"),
    "an unknown key": lambda one: one.update(extra=1),
    "a missing key": lambda one: one.pop("verdict"),
    "a text for a truth": lambda one: one.update(passed="yes"),
    "an unknown column": lambda one: one["tensors"][0].update(meen=0.5),
    "a text for a number": lambda one: one["tensors"][0].update(mean="0.5"),
    "a part of a count": lambda one: one["tensors"][0].update(zeros=0.5),
    "a text for a shape": lambda one: one["tensors"][0].update(shape="80x80"),
    "a shape of parts": lambda one: one["tensors"][0].update(shape=[0.5]),
    "a total without its mean": lambda one: one["total"].pop("mean"),
    "an unknown severity": lambda one: one["findings"][0].update(severity="fatal"),
    "a finding without its code": lambda one: one["findings"][0].pop("code"),
    "a checkpoint that says more": lambda one: one["checkpoints"][0].update(more=1),
    "metadata that is no text": lambda one: one["checkpoints"][0]["metadata"].update(a=1),
    "a histogram without counts": lambda one: one["tensors"][0]["hist"].pop("counts"),
    "a number that is not finite, unnamed": lambda one: one["total"].update(non_finite={}),
    "a name that is no number": lambda one: one["total"].update(non_finite={"name": "NaN"}),
    "no such number": lambda one: one["total"].update(non_finite={"mean": "nan"}),
}


@pytest.fixture(scope="module")
def document() -> Document:
    parsed: Document = json.loads(printed("stats", FAULTY, "--format", "json"))
    validator("stats").validate(parsed)
    return parsed


@pytest.mark.parametrize("change", MUTATIONS.values(), ids=MUTATIONS)
def test_a_document_that_was_tampered_with_is_refused(document: Document, change: Change) -> None:
    changed = copy.deepcopy(document)
    change(changed)
    with pytest.raises(jsonschema.ValidationError):
        validator("stats").validate(changed)


def test_a_document_is_refused_by_the_schema_of_another(document: Document) -> None:
    for name in set(DOCUMENTS) - {"stats"}:
        assert not validator(name).is_valid(document)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_has_its_version_and_what_its_document_says(name: str) -> None:
    schema = initcli.schema(name)
    version = DOCUMENTS[name][0]
    assert (schema["$id"], schema["title"]) == (f"urn:{version.replace('.', ':')}", version)
    assert schema["description"]
    assert all(one.get("description") for one in schema["$defs"].values())


def test_every_column_of_a_tensor_is_described() -> None:
    properties = initcli.schema("stats")["$defs"]["TensorRow"]["properties"]
    silent = {name for name, one in properties.items() if "description" not in one}
    # The docstring says what holds of rows, and of columns likewise.
    assert silent == {"constant_columns", "nonfinite_columns", "outlying_columns"}
    assert properties["std"]["description"].startswith("Of the finite values; None without one.")


class Odd(TypedDict):
    """What no report has yet.

    Attributes:
        maybe: A number,
            or nothing.
        many: Texts.
    """

    maybe: int | float | None
    many: list[str | int]
    nested: dict[str, tuple[float, ...]]


def test_types_are_told_as_the_standard_tells_them() -> None:
    properties = document_schema("x/1", Odd)["properties"]
    assert properties["maybe"] == {
        "type": ["number", "null"],
        "description": "A number, or nothing.",
    }
    assert properties["many"]["items"] == {"type": ["string", "integer"]}
    assert properties["nested"] == {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": ["number", "null"]}},
    }


def test_the_command_prints_it(run: Run) -> None:
    done = run("schema", "compare")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == initcli.schema("compare")
    done = run("schema", "stat")
    assert (done.returncode, done.stdout) == (2, "")
    assert "E101" in done.stderr
    assert "did you mean stats?" in done.stderr
    with pytest.raises(OptionError, match="no document is called 'x'"):
        initcli.schema("x")
