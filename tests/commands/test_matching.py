"""Transposed matrices and parts of fused ones are recognised, on the layouts of real libraries."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import transformers
from torch import nn
from transformers.pytorch_utils import Conv1D

import initcli
from initcli.core.errors import OptionError
from initcli.engine import views
from initcli.formats.storage.reading import Reader
from initcli.statistics.pair import Tolerance
from joined import random, rows, saved, told
from reported import raw_file

Tensors = dict[str, torch.Tensor]
WIDTH = 8


@pytest.fixture(params=[views.TILE_BYTES, 64], ids=["one tile", "many tiles"])
def _tiles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "TILE_BYTES", request.param)


def compared(place: Path, a: Tensors, b: Tensors, match: str = "", **options: object) -> object:
    one, other = saved(place / "a.safetensors", a), saved(place / "b.safetensors", b)
    return initcli.compare(one, other, match=match, **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_tiles")
@pytest.mark.parametrize("outputs", [WIDTH, 3 * WIDTH, 1])
def test_conv1d_is_a_linear_transposed(tmp_path: Path, outputs: int) -> None:
    conv, linear = Conv1D(outputs, WIDTH), nn.Linear(WIDTH, outputs)
    with torch.no_grad():
        linear.weight.copy_(conv.weight.T)
        linear.bias.copy_(conv.bias)
    inputs = random(5, WIDTH, seed=1)
    assert torch.allclose(conv(inputs), linear(inputs), atol=1e-6)
    a, b = dict(conv.state_dict()), dict(linear.state_dict())
    plain = compared(tmp_path, a, b)
    assert not plain.passed
    found = compared(tmp_path, a, b, "transposed")
    assert found.passed
    assert told(found)["weight"] == (None, "identical", "transposed")
    row = rows(found)["weight"]
    assert (row.shape_a, row.shape_b) == ((WIDTH, outputs), (outputs, WIDTH))


@pytest.mark.usefixtures("_tiles")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.float32, torch.float32),
        (torch.float32, torch.bfloat16),
        (torch.float64, torch.float16),
        (torch.complex64, torch.complex64),
        (torch.uint8, torch.uint8),
    ],
)
def test_distances_of_transposed_matrices_are_those_of_their_values(
    tmp_path: Path, one: torch.dtype, other: torch.dtype
) -> None:
    a = (random(13, 7) * 9).abs().to(one)
    b = (random(7, 13, seed=1) * 9).abs().to(other)
    row = rows(compared(tmp_path, {"w": a}, {"w": b}, "transposed"))["w"]
    wide = torch.complex128 if one.is_complex else torch.float64
    gap = (a.to(wide) - b.T.to(wide)).abs()
    assert row.matched == "transposed"
    assert row.max_abs == pytest.approx(gap.max().item(), rel=1e-12)
    assert row.mean_abs == pytest.approx(gap.mean().item(), rel=1e-12)
    norm = a.to(wide).abs().square().sum().sqrt()
    assert row.relative == pytest.approx((gap.square().sum().sqrt() / norm).item(), rel=1e-12)
    assert row.unequal == int((a.to(wide) != b.T.to(wide)).sum())


def test_a_square_matrix_is_transposed_where_that_is_clearly_nearer(tmp_path: Path) -> None:
    square, noise = random(64, 64), random(64, 64, seed=1)
    a = {"turned": square, "tuned": square, "other": square, "same": square, "nan": square.clone()}
    a["nan"][0, 1] = math.nan
    b = {
        "turned": square.T,
        "tuned": (square + 0.01 * noise).T,
        "other": noise,
        "same": square,
        "nan": a["nan"].T,
    }
    found = told(compared(tmp_path, a, b, "transposed"))
    assert {name: matched for name, (_, _, matched) in found.items()} == {
        "turned": "transposed",
        "tuned": "transposed",
        "other": None,
        "same": None,
        "nan": "transposed",
    }


def fused_model() -> tuple[Tensors, Tensors]:
    """Llama's q, k and v of unequal sizes, beside what is fused of them along the outputs."""
    q, k, v = random(16, WIDTH), random(4, WIDTH, seed=1), random(4, WIDTH, seed=2)
    bias = [random(len(each), seed=3) for each in (q, k, v)]
    names = ("q_proj", "k_proj", "v_proj")
    apart = {f"l.0.{name}.weight": each for name, each in zip(names, (q, k, v), strict=True)}
    apart |= {f"l.0.{name}.bias": each for name, each in zip(names, bias, strict=True)}
    fused = {"l.0.qkv.weight": torch.cat([q, k, v]), "l.0.qkv.bias": torch.cat(bias)}
    return apart, fused


@pytest.mark.usefixtures("_tiles")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_parts_are_stretches_of_what_is_fused(tmp_path: Path, dtype: torch.dtype) -> None:
    apart, fused = ({name: each.to(dtype) for name, each in side.items()} for side in fused_model())
    found = compared(tmp_path, apart, fused, "fused")
    assert found.passed
    assert told(found) == {
        f"l.0.{name}.{kind}": (f"l.0.qkv.{kind}[{span}]", "identical", "part")
        for name, span in (("q_proj", "0:16"), ("k_proj", "16:20"), ("v_proj", "20:24"))
        for kind in ("weight", "bias")
    }
    back = compared(tmp_path, fused, apart, "fused")
    assert back.passed
    assert told(back)["l.0.qkv.weight[16:20]"] == ("l.0.k_proj.weight", "identical", "part")


def test_one_changed_part_is_named(tmp_path: Path) -> None:
    apart, fused = fused_model()
    apart["l.0.k_proj.weight"][1, 2] += 1
    found = compared(tmp_path, apart, fused, "fused")
    assert {row.name for row in found.rows if row.is_difference} == {"l.0.k_proj.weight"}
    assert rows(found)["l.0.k_proj.weight"].beyond == 1


@pytest.mark.usefixtures("_tiles")
def test_gpt2_is_held_against_linears_apart(tmp_path: Path) -> None:
    config = transformers.GPT2Config(n_layer=2, n_head=2, n_embd=WIDTH, vocab_size=11)
    torch.manual_seed(0)
    gpt2 = dict(transformers.GPT2Model(config).state_dict())
    apart: Tensors = {}
    for name, value in gpt2.items():
        if ".c_attn." in name:
            for word, part in zip("qkv", value.split(WIDTH, dim=-1), strict=True):
                apart[name.replace("c_attn", f"{word}_proj")] = part.T if part.ndim == 2 else part
        else:
            apart[name] = value.T if ".c_" in name and value.ndim == 2 else value
    found = compared(tmp_path, gpt2, apart, "transposed,fused", rtol=0, atol=0)
    assert found.passed, found.verdict
    assert len(found.rows) == len(apart)
    key = told(found)[f"h.1.attn.c_attn.weight[:, {WIDTH}:{2 * WIDTH}]"]
    assert key == ("h.1.attn.k_proj.weight", "identical", "part, transposed")
    assert told(found)["h.0.attn.c_proj.weight"] == (None, "identical", "transposed")


def test_llama_is_held_against_phi3(tmp_path: Path) -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "vocab_size": 11}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": 0}
    torch.manual_seed(0)
    llama = dict(transformers.LlamaModel(transformers.LlamaConfig(**sizes, **heads)).state_dict())
    phi3 = transformers.Phi3Model(transformers.Phi3Config(**sizes, **heads)).state_dict()
    fused = {name: llama[name] for name in llama if name in phi3}
    for whole in phi3.keys() - llama.keys():
        words = "qkv" if "qkv" in whole else ("gate", "up")
        old = "qkv_proj" if "qkv" in whole else "gate_up_proj"
        fused[whole] = torch.cat([llama[whole.replace(old, f"{word}_proj")] for word in words])
    assert {name: each.shape for name, each in fused.items()} == {
        name: each.shape for name, each in phi3.items()
    }
    report = compared(tmp_path, llama, fused, "fused", rtol=0, atol=0)
    assert report.passed, told(report)
    assert {row.name for row in report.rows} == set(llama)
    assert sum(row.matched == "part" for row in report.rows) == 2 * 5


def test_torch_attention_keeps_its_projections_fused(tmp_path: Path) -> None:
    fused, apart = nn.MultiheadAttention(WIDTH, 2), {}
    for word, weight, bias in zip(
        "qkv", fused.in_proj_weight.chunk(3), fused.in_proj_bias.chunk(3), strict=True
    ):
        apart |= {f"{word}_proj.weight": weight, f"{word}_proj.bias": bias}
    rest = {name: each for name, each in fused.state_dict().items() if "in_proj" not in name}
    found = compared(tmp_path, dict(fused.state_dict()), apart | rest, "fused")
    assert found.passed, told(found)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("gate_proj", "up_proj"), "gate_up_proj"),  # Phi-3
        (("w1", "w3"), "w13"),
        (("query", "key", "value"), "qkv"),
    ],
)
def test_the_words_for_parts_are_those_of_libraries(
    tmp_path: Path, parts: tuple[str, ...], whole: str
) -> None:
    values = [random(6, WIDTH, seed=seed) for seed in range(len(parts))]
    a = {f"mlp.{name}.weight": each for name, each in zip(parts, values, strict=True)}
    found = compared(tmp_path, a, {f"mlp.{whole}.weight": torch.cat(values)}, "fused")
    assert found.passed, told(found)


@pytest.mark.parametrize("missing", ["weight", "shape"])
def test_what_does_not_add_up_is_told_as_before(tmp_path: Path, missing: str) -> None:
    apart, fused = fused_model()
    if missing == "weight":
        del apart["l.0.v_proj.weight"]
    else:
        apart["l.0.v_proj.weight"] = random(5, WIDTH)
    found = told(compared(tmp_path, apart, fused, "fused"))
    assert found["l.0.q_proj.weight"] == (None, "only in A", None)
    assert found["l.0.qkv.weight"] == (None, "only in B", None)
    assert found["l.0.q_proj.bias"][2] == "part"


def test_nothing_is_recognised_unless_asked(tmp_path: Path) -> None:
    apart, fused = fused_model()
    assert {each[2] for each in told(compared(tmp_path, apart, fused)).values()} == {None}
    with pytest.raises(OptionError, match="cannot match 'fuse'"):
        compared(tmp_path, apart, fused, "fuse")


def test_a_part_is_chosen_by_its_name_or_by_the_whole(tmp_path: Path) -> None:
    apart, fused = fused_model()
    for select, count in (("*.qkv.weight", 3), ("*.k_proj.*", 2)):
        found = compared(tmp_path, apart, fused, "fused", select=select)
        assert len(found.rows) == count


def test_tolerances_of_parts_go_by_the_name_in_a(tmp_path: Path) -> None:
    apart, fused = fused_model()
    moved = {name: each + 0.5 for name, each in apart.items()}
    loose = Tolerance(0.0, 1.0)
    for a, b, pattern in ((moved, fused, "*_proj.*"), (fused, moved, "*.qkv.*")):
        assert compared(tmp_path, a, b, "fused", tolerances=[(pattern, loose)]).passed
        assert not compared(tmp_path, a, b, "fused").passed


@pytest.mark.parametrize(
    ("code", "nbytes", "reason"),
    [("F4", 8, "values of F4 share bytes"), ("F6_E2M3", 12, "values of F6_E2M3 are not decoded")],
)
def test_what_cannot_be_turned_is_said(tmp_path: Path, code: str, nbytes: int, reason: str) -> None:
    paths = []
    for shape in ([2, 8], [8, 2]):
        (tmp_path / str(shape)).mkdir()
        paths.append(raw_file(tmp_path / str(shape), {"w": (code, shape, bytes(nbytes))}))
    report = initcli.compare(*paths, match="transposed")
    assert told(report)["w"] == (None, "shape differs", None)
    [finding] = [each for each in report.findings if each.code == "IC906"]
    assert (finding.tensor, finding.message) == ("w", f"not compared: as transposed: {reason}")


def test_a_large_pair_is_read_in_tiles_and_each_value_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "TILE_BYTES", 256)
    read: list[int] = []
    original = Reader.read

    def watched(self: Reader, offset: int, buffer: memoryview) -> None:
        read.append(len(buffer))
        original(self, offset, buffer)

    monkeypatch.setattr(Reader, "read", watched)
    values = random(50, 30)
    assert compared(tmp_path, {"w": values}, {"w": values.T}, "transposed").passed
    assert sum(read) == 2 * 50 * 30 * 4
    assert max(read) <= 256
