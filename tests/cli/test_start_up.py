"""What is imported, and when: torch, SciPy and NumPy only where they are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from in_formats import FORMATS, model
from shell import SAMPLES, neutral_environment

PROBE = """
import sys
from initcli.cli.boundary import main
sys.argv = ["initcli", *sys.argv[1:]]
code = main()
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""
DIGITS = str(SAMPLES / "digits_mlp.safetensors")


def imported_by(directory: Path, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=directory,
        env=neutral_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["schemes"],
        ["schemes", "orthogonal"],
        ["gains"],
        ["gains", "gelu"],
        ["stats", DIGITS],
        ["stats", str(SAMPLES / "tiny_gpt"), "--format", "json"],
        ["stats", DIGITS, "--scheme", "orthogonal"],
        ["compare", DIGITS, DIGITS],
    ],
    ids=" ".join,
)
def test_torch_is_not_imported(tmp_path: Path, arguments: list[str]) -> None:
    modules = imported_by(tmp_path, *arguments)
    assert "torch" not in modules
    assert "initcli" in modules


@pytest.mark.parametrize("is_archive", [True, False])
@pytest.mark.parametrize("command", ["stats w.pt", "stats w.pt --hash --rows", "compare w.pt w.pt"])
def test_torch_is_not_imported_for_its_own_files(
    command: str, is_archive: bool, tmp_path: Path
) -> None:
    state = {"w": torch.ones(3, 4).T, "v": torch.ones(2, dtype=torch.bfloat16)}
    torch.save(state, tmp_path / "w.pt", _use_new_zipfile_serialization=is_archive)
    assert "torch" not in imported_by(tmp_path, *command.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["stats", "--help"],
        ["schemes"],
        ["schemes", "trunc_normal", "--format", "json"],
        ["recipes"],
        ["recipes", "gpt2", "--format", "json"],
        ["schema", "stats"],
        ["stats", DIGITS, "--columns", "name,shape", "-o", "x.json", "-o", "x.csv"],
        ["stats", DIGITS, "--columns", "name,shape,dtype"],
        ["stats", str(SAMPLES / "tiny_gpt"), "--columns", "name,parameters", "--format", "csv"],
    ],
    ids=" ".join,
)
def test_numpy_is_imported_for_values_only(tmp_path: Path, arguments: list[str]) -> None:
    modules = imported_by(tmp_path, *arguments)
    assert modules.isdisjoint({"numpy", "ml_dtypes", "scipy", "torch"})
    assert "initcli" in modules


@pytest.mark.parametrize("kind", FORMATS)
def test_no_format_takes_more(tmp_path: Path, kind: str) -> None:
    FORMATS[kind].write(tmp_path / "w", model(FORMATS[kind]))
    listing = imported_by(tmp_path, "stats", "w", "--columns", "name,shape,dtype")
    # Where an HDF5 dataset lies only its library tells, which imports NumPy.
    spared = {"scipy", "torch"} if "h5py" in listing else {"numpy", "ml_dtypes", "scipy", "torch"}
    assert listing.isdisjoint(spared | {"gguf"})
    assert "torch" not in imported_by(tmp_path, "stats", "w", "--fail-on", "never")


def test_reading_values_imports_numpy(tmp_path: Path) -> None:
    assert "numpy" in imported_by(tmp_path, "stats", DIGITS)


def test_what_adds_to_tables_of_numpy_is_imported_before_a_thread_needs_them() -> None:
    """A thread that first needs `numpy.ma`, which goes through such a table, found it changing."""
    code = "import sys, initcli.statistics.fold; sys.exit('ml_dtypes' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_scipy_is_imported_for_verdicts_only(tmp_path: Path) -> None:
    assert "scipy" not in imported_by(tmp_path, "stats", DIGITS)
    assert "scipy" in imported_by(tmp_path, "stats", DIGITS, "--scheme", "normal")


def test_drawing_imports_torch(tmp_path: Path) -> None:
    arguments = ["init", DIGITS, "--scheme", "normal", "-o", "x.safetensors"]
    assert "torch" in imported_by(tmp_path, *arguments)


def test_importing_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    script = "import initcli, sys; print('numpy' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_the_public_names_are_there_and_no_others() -> None:
    import initcli

    assert dir(initcli) == sorted(initcli.__all__)
    for name in initcli.__all__:
        assert getattr(initcli, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'frob'"):
        _ = initcli.frob
