"""A small convolutional network with one layer of each kind of convolution."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ConvNet(nn.Module):
    """Plain, grouped, depthwise and transposed convolutions, then a linear head."""

    def __init__(self, channels: int, classes: int) -> None:
        """Builds the layers; ``channels`` must be a multiple of 4, the number of groups."""
        super().__init__()
        wide = 2 * channels
        # The batch norms that follow would cancel the biases of the convolutions.
        self.stem = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.grouped = nn.Conv2d(channels, wide, 3, stride=2, padding=1, groups=4, bias=False)
        self.grouped_norm = nn.BatchNorm2d(wide)
        self.depthwise = nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(wide)
        self.up = nn.ConvTranspose2d(wide, channels, 4, stride=2, padding=1, bias=False)
        self.up_norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images (N, 1, 8, 8) to logits (N, classes)."""
        x = F.relu(self.stem_norm(self.stem(images)))
        x = F.relu(self.grouped_norm(self.grouped(x)))
        x = F.relu(self.depthwise_norm(self.depthwise(x)))
        x = F.relu(self.up_norm(self.up(x)))
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


def convnet(channels: int = 16, classes: int = 10) -> nn.Module:
    """Builds the network.

    Args:
        channels: Channels of the stem, a multiple of 4; the middle layers have twice as many.
        classes: Number of output logits.

    Returns:
        A module that maps (N, 1, 8, 8) to (N, classes).
    """
    return ConvNet(channels, classes)
