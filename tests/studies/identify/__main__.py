"""Runs the study, and writes what it finds as Markdown."""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

import torch

from .parts import PARTS

LIBRARIES = ("torch", "numpy", "jax", "keras", "transformers")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the parts that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.studies.identify")
    parser.add_argument(
        "parts", nargs="*", choices=[[], *PARTS], metavar="PART", help="default: all"
    )
    parser.add_argument("--reduced", action="store_true", help="fewer draws, in a minute or so")
    parser.add_argument("--out", type=Path, help="a file; by default the terminal")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)  # sums over rows do not depend on it, and two cores are few
    with asked.out.open("w", encoding="utf-8") if asked.out else nullcontext(sys.stdout) as to:
        for number, text in enumerate(_texts(asked.parts or list(PARTS), reduced=asked.reduced)):
            to.write("\n" * bool(number) + text + "\n")
            to.flush()  # parts take minutes


def _texts(parts: Sequence[str], *, reduced: bool) -> Iterator[str]:
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    command = f"python -m tests.studies.identify{' --reduced' * reduced}"
    yield "# What `stats --identify` can be held to"
    yield f"Made by `{command}` with {versions}."
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            for table in PARTS[part](Path(folder), reduced):
                yield table.text


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
