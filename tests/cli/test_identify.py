"""`stats --identify`, as a shell sees it."""

from __future__ import annotations

import copy
import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from reported import raw_file
from shell import SAMPLES, Run, neutral_environment, run_command

DIGITS = SAMPLES / "digits_mlp.safetensors"
Identities = dict[str, dict[str, Any]]
KINDS = {"structured", "consistent", "law unknown", "not at initialisation", "cannot tell"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tensor of each verdict and of each odd kind."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        rows = torch.linspace(0.2, 2, 64)[:, None]
        tensors = {
            "fc.weight": nn.Linear(64, 96).weight.detach(),
            "half.weight": nn.Linear(64, 96).weight.detach().bfloat16(),
            "odd.weight": torch.randn(64, 80) * 0.0731,
            "tuned.weight": torch.randn(64, 80) * 0.03 * rows,
            "eye.weight": torch.eye(20),
            "zero.bias": torch.zeros(30),
            "few.weight": torch.randn(3, 3) * 0.02,
            "nan.weight": torch.full((4, 4), math.nan),
            "inf.weight": torch.tensor([[1.0, math.inf], [2.0, -math.inf]]),
            "none.weight": torch.zeros(0, 3),
            "scalar": torch.tensor(1.5),
            "single": torch.tensor([2.0]),
            "whole": torch.arange(6),
            "complex": torch.randn(40, 40, dtype=torch.complex64),
            "eight.weight": (torch.randn(64, 80) * 0.02).to(torch.float8_e4m3fn),
            "five.weight": (torch.randn(64, 80) * 0.02).to(torch.float8_e5m2),
        }
    path = tmp_path_factory.mktemp("mixed") / "mixed.safetensors"
    save_file(tensors, path)
    return path


LINES = {
    "fc.weight": "consistent with torch_default",
    "half.weight": "consistent with torch_default",
    "odd.weight": "law unknown, like N(0, 0.07",
    "tuned.weight": "not at initialisation: row energies",
    "eye.weight": "eye",
    "zero.bias": "zeros",
    "few.weight": "cannot tell: 9 values; ",
    "nan.weight": "cannot tell: 16 NaN",
    "inf.weight": "cannot tell: 2 infinite",
    "none.weight": "cannot tell: it holds no values",
    "scalar": "cannot tell: 1 value; ",
    "single": "cannot tell: 1 value; ",
    "whole": "cannot tell: no scheme draws I64 values",
    "complex": "cannot tell: no scheme draws C64 values",
    "eight.weight": "consistent with ",
    "five.weight": "consistent with ",
}


Forms = dict[str, str]


@pytest.fixture(scope="module")
def told(mixed: Path) -> Forms:
    """What one run says of the mixed checkpoint, in every form of table."""
    files = {form: mixed.with_suffix(f".{form}") for form in ("json", "csv", "markdown")}
    options = ["--columns", "name,identity,identity_p", "--jobs", "1"]
    targets = [f"-o{form}:{file}" for form, file in files.items()]
    done = run_command(mixed.parent, "stats", mixed, "--identify", *options, *targets)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    return {form: file.read_text() for form, file in files.items()}


@pytest.fixture(scope="module")
def found(told: Forms) -> Identities:
    return {one["name"]: one for one in json.loads(told["json"])["identities"]}


@pytest.fixture(scope="module")
def rows(told: Forms) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in csv.DictReader(io.StringIO(told["csv"]))}


def identities(run: Run, path: Path, *options: str) -> Identities:
    done = run("stats", path, "--identify", "--format", "json", *options)
    assert done.returncode in {0, 1}, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["identities"]}


def test_every_verdict_is_a_line(rows: dict[str, dict[str, str]]) -> None:
    lines = {name: row["identity"] for name, row in rows.items()}
    assert set(lines) == set(LINES)
    assert {name: line for name, line in lines.items() if not line.startswith(LINES[name])} == {}


def test_the_table_has_a_column_of_verdicts(run: Run) -> None:
    done = run("stats", DIGITS, "--identify", "--columns", "name,identity")
    head, _, *lines = done.stdout.splitlines()
    assert head.split() == ["name", "identity"]
    (line,) = [each for each in lines if each.startswith("fc1.weight ")]
    assert line.split(maxsplit=1)[1] == "not at initialisation: column energies"


def test_a_markdown_table_has_it_too(told: Forms) -> None:
    table = [line for line in told["markdown"].splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in table[0].strip("|").split("|")]
    assert head == ["name", "identity", "identity p"]
    (row,) = [line for line in table if "tuned.weight" in line]
    assert "not at initialisation: row energies" in row


def test_p_values_are_those_of_the_evidence(
    rows: dict[str, dict[str, str]], found: Identities
) -> None:
    for name, one in found.items():
        shown = rows[name]["identity_p"]
        if one["kind"] in {"consistent", "law unknown"}:
            assert float(shown) == max(fit["p"] for fit in one["fits"])
        elif one["places"]:
            assert float(shown) == min(one["places"].values())
        else:
            assert shown == ""


def test_json_keeps_to_the_schema_that_is_printed(run: Run, told: Forms) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(run("schema", "stats").stdout))
    document = json.loads(told["json"])
    validator.validate(document)
    names = [row["name"] for row in document["tensors"]]
    assert [one["name"] for one in document["identities"]] == names
    assert {one["kind"] for one in document["identities"]} == KINDS
    for change in ({"kind": 3}, {"fits": [{}]}, {"level": "low"}, {"more": 1}):
        changed = copy.deepcopy(document)
        changed["identities"][0].update(change)
        assert list(validator.iter_errors(changed)), change
    plain = json.loads(run("stats", DIGITS, "--format", "json").stdout)
    assert plain["identities"] == []
    assert "identity" not in plain["tensors"][0]


def test_json_has_the_whole_set_with_parameters_and_evidence(found: Identities) -> None:
    best = found["fc.weight"]["fits"][0]
    assert best["law"] == "U(±0.125)"
    assert {"torch_default", "kaiming_uniform(a=sqrt(5))"} <= set(best["schemes"])
    assert best["std"] == pytest.approx(0.125 / math.sqrt(3))
    assert found["fc.weight"]["sampled"] == 64 * 96
    assert {"row means", "column energies", "singular value"} <= set(found["fc.weight"]["places"])
    assert found["odd.weight"]["fits"][0]["p"] < found["odd.weight"]["level"]
    assert found["eye.weight"]["structure"] == "eye"
    eight = {name for fit in found["eight.weight"]["fits"] for name in fit["schemes"]}
    assert "normal(0, 0.02)" in eight


def test_packed_bits_are_no_draws(run: Run, tmp_path: Path) -> None:
    path = raw_file(tmp_path, {"w": ("F4", [8, 8], bytes(range(32)))})
    (one,) = identities(run, path).values()
    assert (one["kind"], one["reason"]) == ("cannot tell", "no scheme draws F4 values")


ASKED = [["--identify"], ["--columns", "+identity"], ["--select-check", "IC311"]]


@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
def test_a_column_or_a_check_alone_asks_for_it_and_alpha_and_exact_go_with_it(
    run: Run, asked: list[str]
) -> None:
    options = ["--alpha", "0.01", "--exact", "--format", "json", "--select", "fc1*"]
    done = run("stats", DIGITS, *asked, *options)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["identities"]
    assert [one["kind"] for one in found] == ["law unknown", "not at initialisation"]
    assert {one["level"] for one in found} == {0.01 / 2 / 2}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--exact"], "--exact goes with --identify"),
        (["--alpha", "0.01"], "--alpha is for a scheme"),
        (["--by", "layer", "--columns", "+identity"], "identity is known of single tensors only"),
        (["--by", "dtype", "--sort", "identity_p"], "identity_p is known of single tensors only"),
    ],
)
def test_what_means_nothing_is_refused(
    run: Run, mixed: Path, options: list[str], words: str
) -> None:
    done = run("stats", mixed, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("initcli: error E101: ")
    assert words in done.stderr
    assert len(done.stderr) < 1000


def test_alpha_is_shared_out_and_decides(run: Run, tmp_path: Path) -> None:
    """A law that fits with a joint p of about 10⁻⁴ is kept or not, as the level says."""
    path = tmp_path / "w.safetensors"
    # Values at the even quantiles of a law, a little too wide: the second moment speaks.
    quantiles = torch.special.ndtri((torch.arange(20_000).double() + 0.5) / 20_000)
    shuffled = quantiles[torch.randperm(20_000, generator=torch.Generator().manual_seed(1))]
    save_file({"w": (shuffled * 0.02 * 1.022).float().reshape(100, 200)}, path)
    kept = {}
    for alpha in ("1e-9", "0.5"):
        (one,) = identities(run, path, "--alpha", alpha).values()
        assert one["level"] == pytest.approx(float(alpha) / 2)
        names = {name for fit in one["fits"] for name in fit["schemes"]}
        kept[alpha] = one["kind"] == "consistent" and "normal(0, 0.02)" in names
    assert kept == {"1e-9": True, "0.5": False}


def test_the_same_bytes_whatever_the_number_of_threads(run: Run, mixed: Path, told: Forms) -> None:
    options = ["--format", "json", "--columns", "name,identity,identity_p", "--jobs", "5"]
    assert run("stats", mixed, "--identify", *options).stdout == told["json"]


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network of which one matrix was drawn anew."""
    state = load_file(DIGITS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state["fc2.weight"] = nn.Linear(128, 64).weight.detach()
    path = tmp_path_factory.mktemp("half") / "half.safetensors"
    save_file(state, path)
    return path


def test_a_matrix_still_at_its_start_is_an_error_beside_its_neighbours(
    run: Run, half: Path
) -> None:
    options = ["--select", "fc*.weight", "--identify"]
    done = run("stats", half, *options)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "IC310" in line]
    assert "fc2.weight: statistically consistent with torch_default" in line
    assert "beside trained fc1.weight" in line
    assert done.stdout.splitlines()[-1] == "failed: 1 error"
    assert run("stats", half, *options, "--ignore-check", "IC310").returncode == 0


def test_a_trained_network_is_no_fault(run: Run) -> None:
    done = run("stats", DIGITS, "--identify")
    assert done.returncode == 0
    assert "IC31" not in done.stdout


def test_a_checkpoint_that_was_never_trained_is_a_note(run: Run, tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = nn.Sequential(nn.Linear(40, 60), nn.ReLU(), nn.Linear(60, 50))
    save_file(fresh.state_dict(), tmp_path / "fresh.safetensors")
    done = run("stats", tmp_path / "fresh.safetensors", "--identify")
    assert done.returncode == 0
    assert "IC310" not in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "IC311" in line]
    assert line.startswith("note ")
    assert "none shows that it was trained" in line


def test_a_hostile_name_is_shown_escaped(run: Run, half: Path, tmp_path: Path) -> None:
    state = load_file(half)
    path = tmp_path / "odd.safetensors"
    kept = {name: state[name] for name in ("fc1.weight", "fc2.weight")}
    save_file({name.replace("fc", "\x1b[31mfc"): each for name, each in kept.items()}, path)
    done = run("stats", path, "--identify")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert "\\x1b[31mfc1.weight" in done.stdout


PROBE = """
import sys
from initcli.cli.boundary import main
sys.argv = ["initcli", *sys.argv[1:]]
main()
print("torch" in sys.modules, "scipy" in sys.modules, file=sys.stderr)
"""


def test_torch_is_not_imported_for_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "stats", str(SAMPLES / "tiny_gpt"), "--identify"],
        env=neutral_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "False True"


def test_what_holds_nothing_that_could_be_drawn_is_told_apart(run: Run, tmp_path: Path) -> None:
    nothing = {
        "empty": {},
        "integers": {"i": torch.arange(5)},
        "void": {"e": torch.zeros(0, 4)},
        "one": {"s": torch.tensor(math.nan)},
    }
    paths = [tmp_path / f"{name}.safetensors" for name in nothing]
    for path, tensors in zip(paths, nothing.values(), strict=True):
        save_file(tensors, path)
    done = run("stats", *paths, "--identify", "--format", "json")
    assert done.returncode == 1  # of the NaN, which is another check's
    told = [(one["name"], one["reason"]) for one in json.loads(done.stdout)["identities"]]
    assert told == [
        ("i", "no scheme draws I64 values"),
        ("e", "it holds no values"),
        ("s", "1 NaN"),
    ]
