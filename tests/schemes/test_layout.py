"""Fans are those of the layer, held against how many products each output really sums."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from initcli.core.errors import OptionError
from initcli.schemes.layout import Fans, Layout, UnfitError, torch_fans
from initcli.schemes.spec import parse_layout

FANS = {
    "linear": ((8, 4), (4, 8)),
    "in_out": ((4, 8), (4, 8)),
    "embedding": ((96, 8), (1, 8)),
    "conv": ((8, 4, 3, 3), (36, 72)),
    "conv(groups=4)": ((8, 1, 3), (3, 6)),
    "conv_transpose": ((8, 4, 4, 4), (128, 64)),
    "conv_transpose(stride=2)": ((8, 4, 4, 4), (32, 64)),
    "conv_transpose(groups=2, stride=2)": ((8, 2, 4), (8, 8)),
    "linear(parts=3)": ((24, 8), (8, 8)),
    "in_out(parts=2)": ((4, 16), (4, 8)),
    "linear(stacked=1)": ((5, 8, 4), (4, 8)),
    "in_out(parts=2, stacked=1)": ((5, 4, 16), (4, 8)),
}


@pytest.mark.parametrize(("text", "case"), FANS.items())
def test_a_layout_has_its_fans(
    text: str, case: tuple[tuple[int, ...], tuple[float, float]]
) -> None:
    shape, fans = case
    layout = parse_layout(text)
    assert layout.fans(shape) == Fans(*fans)
    assert layout.text == text
    assert layout.fans(shape).of("fan_avg") == sum(fans) / 2


@pytest.mark.parametrize("shape", [(3, 5), (4, 3, 2), (6, 2, 3, 3), (2, 3, 1, 2, 3), (0, 4)])
def test_torchs_fans_are_torchs(shape: tuple[int, ...]) -> None:
    theirs = nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))  # noqa: SLF001 - the definition
    assert torch_fans(shape) == Fans(*theirs)


def summed(module: nn.Module, size: tuple[int, ...]) -> float:
    """Counts the products that an inner output sums: ones everywhere, no bias."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1)
        return float(module(torch.ones(1, *size)).mean())


MODULES = {
    "linear": (nn.Linear(6, 4, bias=False), (6,), Layout("linear")),
    "conv": (nn.Conv1d(6, 4, 3, bias=False), (6, 20), Layout("conv")),
    "grouped": (nn.Conv2d(6, 4, 3, groups=2, bias=False), (6, 9, 9), Layout("conv", groups=2)),
    "transposed": (
        nn.ConvTranspose1d(6, 4, 4, stride=2, groups=2, padding=3, bias=False),
        (6, 200),
        Layout("conv_transpose", groups=2, stride=(2,)),
    ),
    "uneven strides": (
        nn.ConvTranspose2d(3, 4, (4, 3), stride=(2, 1), padding=(3, 2), bias=False),
        (3, 99, 99),
        Layout("conv_transpose", stride=(2, 1)),
    ),
}


@pytest.mark.parametrize("case", MODULES.values(), ids=MODULES)
def test_fan_in_is_the_number_of_products_that_an_output_sums(
    case: tuple[nn.Module, tuple[int, ...], Layout],
) -> None:
    module, size, layout = case
    weight = next(module.parameters())
    # The borders of a transposed convolution sum fewer; they were cut off by its padding.
    assert layout.fans(tuple(weight.shape)).fan_in == pytest.approx(summed(module, size), rel=0.02)


MATRICES = {
    "linear(parts=3)": ((24, 8), (8, 8)),
    "linear(stacked=1)": ((5, 8, 4), (8, 4)),
    "linear(parts=2, stacked=1)": ((5, 16, 4), (8, 4)),
    "in_out(stacked=1)": ((5, 4, 8), (4, 8)),
}


@pytest.mark.parametrize(("text", "case"), MATRICES.items())
def test_matrices_lie_one_behind_the_other(
    text: str, case: tuple[tuple[int, ...], tuple[int, int]]
) -> None:
    shape, sides = case
    layout = parse_layout(text)
    assert layout.holds_several
    assert layout.matrices(shape) == sides


def test_parts_along_the_second_axis_are_interleaved() -> None:
    with pytest.raises(UnfitError, match="interleaved"):
        parse_layout("in_out(parts=2)").matrices((4, 16))


UNFIT = {
    "linear": (8,),
    "linear(stacked=1)": (8, 4),
    "linear(parts=3)": (8, 4),
    "conv(groups=3)": (8, 4, 3),
    "in_out(parts=2)": (8, 5),
}


@pytest.mark.parametrize(("text", "shape"), UNFIT.items())
def test_a_shape_that_cannot_be_laid_out_so_says_why(text: str, shape: tuple[int, ...]) -> None:
    layout = parse_layout(text)
    assert not layout.fits(shape)
    with pytest.raises(UnfitError, match=r"dimensions, this tensor has|do not divide into"):
        layout.fans(shape)


WRONG = ["", "lineer", "linear(3)", "conv(groups=0)", "conv(group=2)", "conv(groups=1.5)", "1"]


@pytest.mark.parametrize("text", WRONG)
def test_a_mistaken_layout_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_layout(text)
