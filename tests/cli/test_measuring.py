"""What is measured on request, as a shell sees it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from safetensors.numpy import load_file

from shell import Run

LINES = [
    f"{kind} {what}"
    for what in ("rows", "columns")
    for kind in ("zero", "constant", "nonfinite", "outlying")
]


@pytest.fixture
def faulty(samples: Path) -> Path:
    return samples / "faulty.safetensors"


def row_of(text: str, name: str) -> dict[str, str]:
    """Returns a table's cells by title; titles and cells are right-aligned at the same places."""
    head, *rows = text.splitlines()
    (row,) = [line for line in rows if line.startswith(f"{name} ")]
    return dict(zip(head.split(), row.split(), strict=False))


def test_rows_hashes_and_spectra_are_shown_with_what_they_found(run: Run, faulty: Path) -> None:
    done = run("stats", faulty, "--rows", "--hash", "--spectrum", "--fail-on", "warning")
    assert (done.returncode, done.stderr) == (1, "")
    head = done.stdout.splitlines()[0]
    for title in (*LINES, "worst row", "largest singular", "stable rank", "hash", "duplicate of"):
        assert title in head
    assert "IC105  layers.7.weight: the same bytes as layers.0.weight" in done.stdout
    assert "IC106  layers.4.weight: 10 of 80 rows all zero: 20, 21, 22, 23, 24, …" in done.stdout
    assert "IC903  layers.1.weight: not measured: spectrum: it holds values" in done.stdout
    digest = blake3(load_file(faulty)["layers.9.weight"].tobytes()).hexdigest()[:32]
    assert digest[:8] in done.stdout


def test_without_them_there_is_no_trace_of_them(run: Run, faulty: Path) -> None:
    done = run("stats", faulty)
    for title in (*LINES, "stable rank", "hash", "IC105", "IC106", "IC903"):
        assert title not in done.stdout


def test_machines_get_all_of_it_at_full_precision(run: Run, faulty: Path) -> None:
    done = run("stats", faulty, "--rows", "--hash", "--spectrum", "--format", "json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["tensors"]}
    values = load_file(faulty)["layers.9.weight"]
    row = rows["layers.9.weight"]
    singular = np.linalg.svd(values.astype(np.float64), compute_uv=False)
    assert row["largest_singular"] == pytest.approx(singular[0], rel=1e-9)
    assert row["hash"] == blake3(values.tobytes()).hexdigest()[:32]
    assert rows["layers.4.weight"]["worst_row"] == "20: all zero"
    assert row["p50"] == pytest.approx(
        np.quantile(values.astype(np.float64), 0.5, method="inverted_cdf"), rel=2**-7
    )
    assert sum(row["hist"]["counts"]) == values.size


def test_columns_change_the_default(run: Run, samples: Path) -> None:
    path = samples / "digits_mlp.safetensors"
    done = run("stats", path, "--columns", "+hist,+p01,-zeros")
    assert (done.returncode, done.stderr) == (0, "")
    titles, default = (run_.stdout.splitlines()[0].split() for run_ in (done, run("stats", path)))
    assert set(titles) == {*default, "hist", "p01"} - {"zeros"}
    assert titles.index("min") < titles.index("p01") < titles.index("max") < titles.index("hist")
    values = load_file(path)["fc1.weight"].astype(np.float64)
    exact = np.quantile(values, 0.01, method="inverted_cdf")
    cells = row_of(done.stdout, "fc1.weight")
    assert float(cells["p01"]) == pytest.approx(exact, rel=2**-7 + 1e-3)
    assert len(cells["hist"]) == 12


def test_wide_drops_none_of_it(run: Run, faulty: Path) -> None:
    options = ["stats", faulty, "--rows", "--hash", "--spectrum", "--columns", "+hist"]
    narrow = run(*options, env={"COLUMNS": "60"}).stdout
    assert "not shown for want of width" in narrow
    wide = run(*options, "--wide", env={"COLUMNS": "60"}).stdout
    assert "not shown" not in wide
    assert wide == run(*options).stdout
    assert all(title in wide.splitlines()[0] for title in (*LINES, "orthogonality", "hash"))


@pytest.mark.parametrize(
    ("device", "words"),
    [("cuda", "none has been measured to be faster there"), ("gpu", "the only one is cpu")],
)
def test_another_device_is_refused(run: Run, faulty: Path, device: str, words: str) -> None:
    done = run("stats", faulty, "--device", device)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("initcli: error E101: ")
    assert words in done.stderr
    plain, named = run("stats", faulty), run("stats", faulty, "--device", "cpu")
    assert (plain.stdout, plain.returncode) == (named.stdout, named.returncode)


def test_by_refuses_what_no_pool_has(run: Run, faulty: Path) -> None:
    done = run("stats", faulty, "--by", "layer", "--columns", "+hist")
    assert done.returncode == 2
    assert "E101: unusable option: hist is known of single tensors only" in done.stderr


def test_strict_fails_on_what_was_not_measured(run: Run, faulty: Path) -> None:
    options = ["stats", faulty, "--spectrum", "--select", "layers.1.weight", "--fail-on", "never"]
    assert run(*options).returncode == 0
    done = run(*options, "--strict")
    assert done.returncode == 1
    assert "IC903  layers.1.weight: not measured: spectrum: it holds" in done.stdout


@pytest.mark.parametrize(("chosen", "name"), [("", "compiled"), ("numpy", "numpy")])
def test_the_verbose_version_names_the_inner_loops(run: Run, chosen: str, name: str) -> None:
    if name == "compiled" and not importlib.util.find_spec("initcli.kernels._compiled"):
        pytest.skip("built without a compiler")
    done = run("--version", "--verbose", env={"INITCLI_KERNELS": chosen})
    assert (done.returncode, done.stderr) == (0, "")
    assert f"inner loops: {name}" in done.stdout.lower().splitlines()
    for package in ("initcli", "numpy", "torch", "safetensors", "blake3"):
        assert any(line.startswith(f"{package} ") for line in done.stdout.splitlines())


def test_verbose_goes_with_version_only(run: Run) -> None:
    for arguments in (["--verbose", "schemes"], ["--verbose"]):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("initcli: error E101: ")


@pytest.mark.parametrize("sample", ["faulty.safetensors", "digits_mlp.safetensors", "tiny_gpt"])
def test_the_numpy_twin_draws_the_same_table(run: Run, samples: Path, sample: str) -> None:
    options = [
        "stats",
        samples / sample,
        "--rows",
        "--hash",
        "--columns",
        "+hist,+p01,+p50,+kurtosis,+subnormal",
        "--wide",
    ]
    compiled, twin = (run(*options, env={"INITCLI_KERNELS": name}) for name in ("", "numpy"))
    assert compiled.stdout == twin.stdout
    assert compiled.returncode == twin.returncode
    assert "kurtosis" in twin.stdout.splitlines()[0]


def test_the_numpy_twin_compares_alike(run: Run, samples: Path, faulty: Path) -> None:
    pair = ["compare", faulty, samples / "digits_mlp.safetensors", "--wide"]
    compiled, twin = (run(*pair, env={"INITCLI_KERNELS": name}) for name in ("", "numpy"))
    assert (compiled.stdout, compiled.returncode) == (twin.stdout, twin.returncode)
