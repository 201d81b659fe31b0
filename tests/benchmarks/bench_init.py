"""`init` beside torch: a whole model, a truncated normal, an orthogonal matrix."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.engine.draw import drawn_parts
from initcli.schemes import fills
from initcli.schemes.registry import Draw
from racing import Racing
from raw import draw_of
from shell import COMMAND
from spent import spent

JOBS = 2
WITH_TORCH = """
import sys, torch, transformers
from safetensors.torch import save_file
config = transformers.AutoConfig.from_pretrained(sys.argv[1])
model = transformers.AutoModelForCausalLM.from_config(config)
for name, parameter in model.named_parameters():
    if parameter.dim() > 1:
        torch.nn.init.normal_(parameter, std=0.02)
    else:
        torch.nn.init.ones_(parameter)
save_file({name: value for name, value in model.state_dict().items()}, sys.argv[2])
"""


@pytest.fixture(scope="session")
def config(workplace: Path, nbytes: int) -> Path:
    """A llama of about so many bytes, one of whose blocks holds 60 million parameters."""
    pytest.importorskip("transformers")
    width = 2048 if nbytes >= 1 << 28 else 64
    block = width * width * 14
    document = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": width * 4,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 32000 if width > 64 else 256,
        "num_hidden_layers": max(1, nbytes // (4 * block)),
    }
    directory = workplace / "llama"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(document))
    return directory


def command(config: Path, workplace: Path) -> tuple[str | Path, ...]:
    out = workplace / "ours.safetensors"
    options = ("--recipe", "llama", "--force", "--jobs", str(JOBS), "-o", out)
    return (COMMAND, "init", config, *options)


def test_a_model_beside_torch(race: Racing, config: Path, workplace: Path) -> None:
    script = (sys.executable, "-c", WITH_TORCH, config, workplace / "theirs.safetensors")
    race(
        "building, torch.nn.init, save_file / initcli init, wall",
        lambda: spent(workplace, *script).wall,
        lambda: spent(workplace, *command(config, workplace)).wall,
        ">= 1.5 (torch / ours)",
    )


def test_the_peak(race: Racing, config: Path, workplace: Path) -> None:
    nothing = (COMMAND, "init", config, "--recipe", "llama", "--dry-run")
    race(
        "peak of initcli init / of its dry run",
        lambda: spent(workplace, *command(config, workplace)).peak,
        lambda: spent(workplace, *nothing).peak,
        "ours <= 600 MB",
        unit="MB",
    )


def drawn(draw: Draw, shape: tuple[int, ...]) -> float:
    """Returns the seconds that a tensor's parts take on as many threads as there are jobs."""
    parts = list(drawn_parts(draw, TensorSpec("w", DTYPES["F32"], shape), 0))
    began = time.perf_counter()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(lambda part: sum(len(chunk) for chunk in part.chunks()), parts))
    return time.perf_counter() - began


def of_torch(name: str, shape: tuple[int, ...]) -> float:
    tensor = torch.empty(shape)
    began = time.perf_counter()
    getattr(torch.nn.init, name)(tensor)
    return time.perf_counter() - began


def side(nbytes: int) -> int:
    """Returns the side of a matrix that is 4,096 where files are large."""
    return 4096 if nbytes >= 1 << 28 else 256


def test_a_truncated_normal_beside_torch(race: Racing, nbytes: int) -> None:
    shape = (side(nbytes),) * 2
    race(
        "torch's trunc_normal_ / a truncated normal, wall",
        lambda: of_torch("trunc_normal_", shape),
        lambda: drawn(fills.truncated_normal(0, 1, -2, 2), shape),
        ">= 8 (torch / ours)",
    )


def test_an_orthogonal_matrix_beside_torch(race: Racing, nbytes: int) -> None:
    shape = (side(nbytes),) * 2
    race(
        "torch's orthogonal_ / an orthogonal matrix, wall",
        lambda: of_torch("orthogonal_", shape),
        lambda: drawn(draw_of("orthogonal", shape), shape),
        ">= 1 (torch / ours)",
    )
