"""Attention drawn by `mimetic`, held against NumPy's factors of the products it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from scipy import stats
from torch import Tensor, nn

import initcli
from initcli.core.errors import NotApplicableError
from initcli.engine.draw import generator
from initcli.reports.init import InitReport
from initcli.schemes.attention import Place, place_of
from initcli.schemes.layout import UnfitError
from initcli.schemes.mimetic_law import singular_values

WIDTH, HEADS = 48, 4
Weights = Mapping[str, Tensor]
# The parts of an attention block, as (features within, features outside) each; output as well.
Parts = Callable[[Weights], tuple[Tensor, Tensor, Tensor, Tensor]]


def hf(model: str, **config: object) -> nn.Module:
    """Builds a model of one layer and the test's width, whatever its library calls them."""
    made = getattr(transformers, f"{model}Config")(**config)
    with torch.device("meta"):
        return getattr(transformers, f"{model}Model")(made)


def wide(*, tokens: int = 9) -> dict[str, int]:
    return {
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "num_hidden_layers": 1,
        "intermediate_size": 2 * WIDTH,
        "vocab_size": tokens,
    }


def separate(query: str, key: str, value: str, output: str) -> Parts:
    def parts(held: Weights) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        q, k, v, o = (held[name] for name in (query, key, value, output))
        return q, k, v, o.T

    return parts


def fused(qkv: str, output: str, *, is_swapped: bool = False) -> Parts:
    def parts(held: Weights) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        last = held[output] if is_swapped else held[output].T
        whole = held[qkv].T if is_swapped else held[qkv]
        q, k, v = whole.chunk(3)
        return q, k, v, last

    return parts


GPT2 = {"n_embd": WIDTH, "n_head": HEADS, "n_layer": 1, "n_positions": 9, "vocab_size": 9}
T5 = {"d_model": WIDTH, "d_kv": WIDTH // HEADS, "num_heads": HEADS, "num_layers": 1}

BLOCKS: dict[str, tuple[Callable[[], nn.Module], str, Parts]] = {
    "torch": (
        lambda: nn.ModuleDict({"mha": nn.MultiheadAttention(WIDTH, HEADS)}),
        "mha",
        fused("mha.in_proj_weight", "mha.out_proj.weight"),
    ),
    "GPT-2": (
        lambda: hf("GPT2", **GPT2, bos_token_id=0, eos_token_id=0),
        "h.0.attn",
        fused("h.0.attn.c_attn.weight", "h.0.attn.c_proj.weight", is_swapped=True),
    ),
    "ViT": (
        lambda: hf("ViT", **wide(), image_size=8, patch_size=4),
        "layers.0.attention",
        separate(*(f"layers.0.attention.{each}_proj.weight" for each in "qkvo")),
    ),
    "BERT": (
        lambda: hf("Bert", **wide()),
        "encoder.layer.0.attention",
        separate(
            "encoder.layer.0.attention.self.query.weight",
            "encoder.layer.0.attention.self.key.weight",
            "encoder.layer.0.attention.self.value.weight",
            "encoder.layer.0.attention.output.dense.weight",
        ),
    ),
    "llama": (
        lambda: hf("Llama", **wide(), bos_token_id=0, eos_token_id=0),
        "layers.0.self_attn",
        separate(*(f"layers.0.self_attn.{each}_proj.weight" for each in "qkvo")),
    ),
    "T5": (
        lambda: hf("T5", **T5, d_ff=9, vocab_size=9),
        "decoder.block.0.layer.1.EncDecAttention",
        separate(
            *(f"decoder.block.0.layer.1.EncDecAttention.{each}.weight" for each in "qkvo"),
        ),
    ),
}


def stored(directory: Path, weights: Mapping[str, Tensor]) -> Path:
    path = directory / "source.safetensors"
    save_file(dict(weights), path)
    return path


def shapes_of(module: nn.Module) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(value.shape, generator=random)
        for name, value in module.state_dict().items()
    }


def drawn(source: Path, scheme: str = "mimetic", **asked: object) -> InitReport:
    out = source.with_name("drawn.safetensors")
    given = {"settings": [f"n_head={HEADS}"], "force": True} | asked
    return initcli.init(source, out, scheme=scheme, **given)  # type: ignore[arg-type]


def products(weights: tuple[Tensor, ...], heads: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns value·output, and query·key of each head."""
    q, k, v, o = (part.double().numpy() for part in weights)
    pairs = zip(np.split(q, heads), np.split(k, heads), strict=True)
    return v.T @ o, [query.T @ key for query, key in pairs]


def truncated(matrix: np.ndarray, rank: int) -> np.ndarray:
    left, values, right = np.linalg.svd(matrix)
    return (left[:, :rank] * values[:rank]) @ right[:rank]


@pytest.mark.parametrize("name", BLOCKS)
def test_products_are_those_that_numpy_cuts_to_the_rank_of_a_head(
    tmp_path: Path, name: str
) -> None:
    module, block, parts = BLOCKS[name]
    drawn(stored(tmp_path, shapes_of(module())), seed=5)
    last, heads = products(parts(load_file(tmp_path / "drawn.safetensors")), HEADS)

    keyed = generator(5, f"attention {block}")

    def product(scale: float, sign: int) -> np.ndarray:
        noise = torch.randn(WIDTH, WIDTH, generator=keyed).double().numpy() / np.sqrt(WIDTH)
        torch.randint(0, 2, (WIDTH,), generator=keyed)
        return scale * (noise + sign * np.eye(WIDTH))

    np.testing.assert_allclose(last, product(0.4, -1), atol=5e-5)
    for head in heads:
        expected = truncated(product(0.7, 1), WIDTH // HEADS)
        np.testing.assert_allclose(head, expected, atol=5e-5)


@pytest.mark.parametrize("name", BLOCKS)
def test_all_that_is_drawn_is_attention_and_is_found_sound(tmp_path: Path, name: str) -> None:
    # Family-wise 1e-6 a checkpoint, in six checkpoints: a false alarm in 150,000 seeds.
    module, _, _ = BLOCKS[name]
    made = drawn(stored(tmp_path, shapes_of(module())))
    names = {row.name for row in made.rows if row.action == "drawn"}
    assert names == {row.name for row in made.rows if is_attention(row.name)}
    out, settings = tmp_path / "drawn.safetensors", [f"n_head={HEADS}"]
    report = initcli.stats(out, scheme="mimetic", settings=settings, alpha=1e-6)
    assert report.passed
    assert {row.name for row in report.rows if row.verdict == "ok"} == names


def is_attention(name: str) -> bool:
    is_weight = name.endswith("weight") and "norm" not in name.lower()
    return is_weight and ("att" in name.lower() or "mha" in name) and "relative" not in name


def test_a_whole_product_is_a_multiple_of_the_identity_and_noise(tmp_path: Path) -> None:
    # Four tests at 1e-6: a false alarm in 250,000 seeds.
    width = 256
    weights = {f"attn.{each}_proj.weight": torch.zeros(width, width) for each in "qkvo"}
    drawn(stored(tmp_path, weights), "mimetic(heads=1, alpha_vo=0.2)", settings=())
    held = load_file(tmp_path / "drawn.safetensors")
    last, (head,) = products(separate(*weights)(held), 1)
    for product, alpha, beta in ((head, 0.7, 0.7), (last, 0.2, -0.4)):
        noise = (product - beta * np.eye(width)).ravel() * np.sqrt(width) / alpha
        diagonal = noise[:: width + 1]
        assert stats.kstest(noise, stats.norm.cdf).pvalue > 1e-6
        assert stats.norm.sf(abs(diagonal.mean()) * np.sqrt(width)) > 0.5e-6


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.7), (0.7, 0.0), (0.3, 1.0)])
@pytest.mark.parametrize("heads", [1, 2, 8])
def test_singular_values_have_the_moments_of_simulated_ones(
    heads: int, alpha: float, beta: float
) -> None:
    # What the law states, 0.27/d and 0.6/d of the first two, and six standard errors.
    width, random = 128, np.random.default_rng(11)
    noise = random.standard_normal((60, width, width)) / np.sqrt(width)
    values = np.linalg.svd(alpha * noise + beta * np.eye(width), compute_uv=False)
    kept = values[:, : width // heads]
    limit = singular_values(alpha, beta, 1 / heads)
    for order, bias in ((1, 0.27), (2, 0.6)):
        moments = (kept**order).mean(axis=1) / (limit**order).mean()
        error = 6 * moments.std() / np.sqrt(len(moments))
        assert abs(moments.mean() - 1) < bias / width + error


def test_bytes_do_not_depend_on_threads_or_on_what_else_is_drawn(tmp_path: Path) -> None:
    module, _, _ = BLOCKS["llama"]
    source, out = stored(tmp_path, shapes_of(module())), tmp_path / "drawn.safetensors"
    drawn(source, jobs=1)
    alone = out.read_bytes()
    whole = load_file(out)
    drawn(source, jobs=3)
    assert out.read_bytes() == alone
    drawn(source, select="*k_proj*")
    name = "layers.0.self_attn.k_proj.weight"
    assert torch.equal(load_file(out)[name], whole[name])


SHARED = {"attn.q_proj.weight": (16, 16), "attn.o_proj.weight": (16, 16)}
MISFITS = [
    ({"attn.k_proj.weight": (8, 16)}, "query·key: 4×4 rows at alpha 0.7, beta 0.7, but 4×2 rows"),
    ({"attn.v_proj.weight": (8, 16)}, "value·output: 1×16 rows at alpha 0.4, beta 0.4, but 1×8"),
    ({"attn.k_proj.weight": (16, 12)}, "width: 16, but 12 in what it is drawn with"),
    (
        {"attn.self.query.weight": (16, 16)},
        "another tensor is the query of what it is drawn",
    ),
]


@pytest.mark.parametrize(("further", "reason"), MISFITS)
def test_what_does_not_go_together_is_left_alone_and_refused_by_name(
    tmp_path: Path, further: dict[str, tuple[int, int]], reason: str
) -> None:
    kept = {"attn.v_proj.weight": (16, 16), "other.attn.v_proj.weight": (16, 16)}
    shapes = kept | SHARED | further
    source = stored(tmp_path, {name: torch.zeros(shape) for name, shape in shapes.items()})
    made = drawn(source)
    skipped = {row.name: row.reason or "" for row in made.rows if row.action == "skipped"}
    assert any(said.startswith(reason) for said in skipped.values())
    assert next(iter(further)) in skipped
    assert "other.attn.v_proj.weight" not in skipped
    with pytest.raises(NotApplicableError, match=next(iter(skipped.values()))[:8]):
        drawn(source, select=sorted(skipped))


NAMES = {
    "h.0.attn.c_attn.weight": Place("h.0.attn", "qkv"),
    "model.layers.11.self_attn.q_proj.weight": Place("model.layers.11.self_attn", "query"),
    "blocks.3.attn.qkv.weight": Place("blocks.3.attn", "qkv"),
    "blocks.3.attn.proj.weight": Place("blocks.3.attn", "output"),
    "layers.0.attention.wk.weight": Place("layers.0.attention", "key"),
    "layers.0.attention.wo.weight": Place("layers.0.attention", "output"),
    "mid.attn1.to_out.0.weight": Place("mid.attn1", "output"),
    "mid.attn1.to_v.weight": Place("mid.attn1", "value"),
    "transformer.layer.2.attention.v_lin.weight": Place("transformer.layer.2.attention", "value"),
    "attn_blocks.3.q.weight": Place("attn_blocks.3", "query"),
    "encoder.mha.q_proj_weight": Place("encoder.mha", "query"),
    "transformer.h.0.attn.attention.k_proj.weight": Place("transformer.h.0.attn", "key"),
    "layer.7.attention.attention.query.weight": Place("layer.7.attention", "query"),
    "layer.7.attention.output.dense.weight": Place("layer.7.attention", "output"),
}


def test_names_tell_the_block_and_the_part() -> None:
    assert {name: place_of(name) for name in NAMES} == NAMES


@pytest.mark.parametrize(
    "name",
    [
        "weight",
        "h.0.mlp.c_proj.weight",
        "mixer.in_proj.weight",
        "mixer.out_proj.weight",
        "gpt_neox.layers.0.attention.query_key_value.weight",
        "layer.0.output.dense.weight",
    ],
)
def test_what_a_name_does_not_tell_has_to_be_said(name: str) -> None:
    with pytest.raises(UnfitError, match="its name does not tell"):
        place_of(name)
    assert place_of(name, "value").part == "value"
