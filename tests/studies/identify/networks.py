"""Small networks, with data that needs no download: digits of scikit-learn, and a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

BATCH, WIDTH, CONTEXT, SYMBOLS = 32, 48, 24, 128
README = Path(__file__).parents[3] / "README.md"
Loss = Callable[[nn.Module, torch.Generator], Tensor]


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Returns images from −1 to 1 and what they show."""
    images, shown = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float32) / 8 - 1, torch.tensor(shown)


@cache
def text() -> Tensor:
    """Returns the README as numbers of its characters."""
    return torch.tensor([ord(each) % SYMBOLS for each in README.read_text(encoding="utf-8")])


def classify(network: nn.Module, generator: torch.Generator) -> Tensor:
    """Returns the loss of a batch of digits."""
    images, shown = digits()
    chosen = torch.randint(len(images), (BATCH,), generator=generator)
    return F.cross_entropy(network(images[chosen]), shown[chosen])


def rebuild(network: nn.Module, generator: torch.Generator) -> Tensor:
    """Returns the loss of digits that are to come out as they went in."""
    images, _ = digits()
    chosen = images[torch.randint(len(images), (BATCH,), generator=generator)]
    return F.mse_loss(network(chosen).flatten(1), chosen)


def predict(network: nn.Module, generator: torch.Generator) -> Tensor:
    """Returns the loss of each next character."""
    starts = torch.randint(len(text()) - CONTEXT - 1, (BATCH, 1), generator=generator)
    run = text()[starts + torch.arange(CONTEXT + 1)]
    return F.cross_entropy(network(run[:, :-1]).flatten(0, 1), run[:, 1:].flatten())


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
    """Predicts the next character."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, SYMBOLS, bias=False)

    def forward(self, run: Tensor) -> Tensor:
        x = self.tokens(run) + self.positions.weight[: run.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Recurrent(nn.Module):
    """Predicts the next character from all before."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.lstm = nn.Embedding(SYMBOLS, 32), nn.LSTM(32, 64, batch_first=True)
        self.head = nn.Linear(64, SYMBOLS)

    def forward(self, run: Tensor) -> Tensor:
        return self.head(self.lstm(self.tokens(run))[0])


def mlp() -> nn.Module:
    """Returns a classifier with hidden layers drawn by Kaiming's normal law."""
    sides = (64, 96, 96, 96)
    hidden = [nn.Linear(*each) for each in pairwise(sides)]
    for layer in hidden:
        nn.init.kaiming_normal_(layer.weight)
    layers = [part for layer in hidden for part in (layer, nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(sides[-1], 10))


def cnn() -> nn.Module:
    """Returns a classifier of images by convolutions."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Flatten()),
        nn.Linear(32 * 16, 10),
    )


def depthwise() -> nn.Module:
    """Returns one whose convolutions are each of one channel, and of one tap."""
    stages = [
        part
        for _ in range(2)
        for part in (
            nn.Conv2d(48, 48, 5, padding=2, groups=48),
            nn.Conv2d(48, 48, 1),
            nn.BatchNorm2d(48),
            nn.ReLU(),
        )
    ]
    stem = (nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 48, 3, padding=1))
    return nn.Sequential(*stem, *stages, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 10))


def autoencoder() -> nn.Module:
    """Returns one that makes images small and large again, drawn by Xavier's uniform law."""
    network = nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        *(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.ReLU()),
        nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
    )
    for each in network.parameters():
        if each.dim() > 1:
            nn.init.xavier_uniform_(each)
    return network


NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], Loss]] = {
    "transformer": (Transformer, predict),
    "LSTM": (Recurrent, predict),
    "MLP": (mlp, classify),
    "CNN": (cnn, classify),
    "depthwise CNN": (depthwise, classify),
    "autoencoder": (autoencoder, rebuild),
}
OPTIMISERS: Mapping[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "SGD": lambda network: torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9),
    "Adam": lambda network: torch.optim.Adam(network.parameters(), lr=2e-3),
}
