"""Schemes draw what the library that defines them draws: the same law, or the same values."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import linalg, stats

from initcli.engine.draw import draw_tensor
from initcli.schemes.isometries import sign_sum
from initcli.schemes.layer import Layer
from initcli.schemes.spec import parse_layout, parse_scheme
from schemed import VARIABLES

Shape = tuple[int, ...]
FAMILY = [
    f"{author}_{kind}" for author in ("glorot", "he", "lecun") for kind in ("uniform", "normal")
]
SCALED = [
    (scale, mode, distribution)
    for scale, mode in ((0.5, "fan_in"), (2.0, "fan_out"), (3.0, "fan_avg"))
    for distribution in ("truncated_normal", "uniform", "untruncated_normal")
]
# torch's order of axes, and the same in JAX's and Keras's: the receptive field first.
SHAPES: list[Shape] = [(300, 200), (48, 24, 5, 5)]


def field_first(shape: Shape) -> Shape:
    return (*shape[2:], shape[1], shape[0])


def ours(scheme: str, shape: Shape, layout: str = "", seed: int = 5) -> np.ndarray:
    layer = Layer(shape, "w", layout=parse_layout(layout) if layout else None)
    draw = parse_scheme(scheme).draw(layer, VARIABLES)
    return draw_tensor(draw, shape, seed, "w").double().numpy()


def same_law(scheme: str, shape: Shape, theirs: np.ndarray) -> None:
    """Two-sample Kolmogorov-Smirnov at p < 1e-6, and bounds that neither sample crosses.

    Some 70 calls in this file: a false alarm in 10⁴ seeds.
    """
    law = parse_scheme(scheme).draw(Layer(shape), VARIABLES).law
    sample = np.asarray(theirs, np.float64).ravel()
    assert stats.ks_2samp(ours(scheme, shape).ravel(), sample).pvalue > 1e-6
    assert abs(sample.std() / law.std - 1) < 6 * math.sqrt((law.kurtosis - 1) / 4 / sample.size)
    low, high = law.support
    slack = 1e-6 * law.std
    assert low - slack <= sample.min()
    assert sample.max() <= high + slack
    if math.isfinite(high) and law.kurtosis < 2.5:
        assert sample.max() > high - 0.01 * (high - low)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FAMILY)
def test_jax_draws_the_same(name: str, shape: Shape) -> None:
    jax = pytest.importorskip("jax")
    drawn = getattr(jax.nn.initializers, name)()(jax.random.key(1), field_first(shape))
    same_law(name, shape, np.asarray(drawn))


@pytest.mark.parametrize(("scale", "mode", "distribution"), SCALED)
def test_jax_scales_variances_the_same(scale: float, mode: str, distribution: str) -> None:
    jax = pytest.importorskip("jax")
    their_name = {"untruncated_normal": "normal"}.get(distribution, distribution)
    initializer = jax.nn.initializers.variance_scaling(scale, mode, their_name)
    drawn = initializer(jax.random.key(2), field_first(SHAPES[1]))
    same_law(f"variance_scaling({scale}, {mode}, {distribution})", SHAPES[1], np.asarray(drawn))


def test_jax_truncates_a_normal_the_same() -> None:
    jax = pytest.importorskip("jax")
    drawn = jax.nn.initializers.truncated_normal(0.02)(jax.random.key(3), SHAPES[0])
    same_law("truncated_normal(std=0.02)", SHAPES[0], np.asarray(drawn))


@pytest.mark.parametrize("shape", [(6, 4, 3), (5, 5, 4, 3), (8, 2, 3, 2, 5)])
def test_jax_puts_the_isometry_at_the_same_tap(shape: Shape) -> None:
    jax = pytest.importorskip("jax")
    drawn = jax.nn.initializers.delta_orthogonal(2.0)(jax.random.key(4), field_first(shape))
    theirs = np.moveaxis(np.asarray(drawn, np.float64), (-1, -2), (0, 1))
    mine = ours("delta_orthogonal(2)", shape)
    taken = [np.abs(each).sum((0, 1)) > 0 for each in (mine, theirs)]
    np.testing.assert_array_equal(*taken)
    assert (mine**2).sum() == pytest.approx((theirs**2).sum(), rel=1e-5)
    taps = [each[:, :, taken[0]][..., 0] for each in (mine, theirs)]
    grams = [tap.T @ tap for tap in taps]
    np.testing.assert_allclose(*grams, atol=1e-5)


@pytest.fixture(scope="module")
def keras_initializers() -> Any:  # noqa: ANN401 - a module
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", exc_type=ImportError)
    return keras.initializers


def keras_draw(initializer: Callable[[Shape], Any], shape: Shape) -> np.ndarray:
    drawn = initializer(field_first(shape))
    return np.asarray(drawn.detach().cpu() if hasattr(drawn, "detach") else drawn)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FAMILY)
def test_keras_draws_the_same(keras_initializers: Any, name: str, shape: Shape) -> None:  # noqa: ANN401
    initializer = getattr(keras_initializers, name)(seed=1)
    same_law(name, shape, keras_draw(initializer, shape))


@pytest.mark.parametrize(("scale", "mode", "distribution"), SCALED)
def test_keras_scales_variances_the_same(
    keras_initializers: Any,  # noqa: ANN401
    scale: float,
    mode: str,
    distribution: str,
) -> None:
    initializer = keras_initializers.VarianceScaling(scale, mode, distribution, seed=2)
    scheme = f"variance_scaling({scale}, {mode}, {distribution})"
    same_law(scheme, SHAPES[1], keras_draw(initializer, SHAPES[1]))


def test_keras_truncates_a_normal_the_same(keras_initializers: Any) -> None:  # noqa: ANN401
    initializer = keras_initializers.TruncatedNormal(stddev=0.05, seed=3)
    same_law("truncated_normal(std=0.05)", SHAPES[0], keras_draw(initializer, SHAPES[0]))


@pytest.mark.parametrize("shape", SHAPES)
def test_timm_draws_the_same(shape: Shape) -> None:
    timm = pytest.importorskip("timm.layers.weight_init")
    lecun = torch.empty(shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        timm.lecun_normal_(lecun)
        window = timm.trunc_normal_tf_(torch.empty(shape), std=0.02, a=-1.0, b=3.0)
    same_law("lecun_normal", shape, lecun.numpy())
    same_law("truncated_normal(std=0.02, low=-1, high=3)", shape, window.numpy())


@pytest.mark.parametrize("shape", [*SHAPES, (20_000, 3)])
def test_transformers_widens_for_a_cut_that_hardly_ever_happens(shape: Shape) -> None:
    initialization = pytest.importorskip("transformers.initialization")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        same_law("hf_lecun_normal", shape, initialization.lecun_normal_(torch.empty(shape)).numpy())


@pytest.mark.parametrize("shape", SHAPES)
def test_caffe_names_are_these_of_torch(shape: Shape) -> None:
    generator = torch.Generator().manual_seed(3)
    uniform = torch.nn.init.kaiming_uniform_(torch.empty(shape), a=1, generator=generator)
    same_law("c2_xavier_fill", shape, uniform.numpy())
    normal = torch.nn.init.kaiming_normal_(
        torch.empty(shape), mode="fan_out", nonlinearity="relu", generator=generator
    )
    same_law("c2_msra_fill", shape, normal.numpy())


def test_torch_default_of_a_linear_layer_is_what_peft_and_mamba_take() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        drawn = torch.nn.Linear(200, 300).weight.detach().numpy()
    same_law("lora_a", SHAPES[0], drawn)
    same_law("mamba_dt_proj", SHAPES[0], drawn)


@pytest.mark.parametrize(("rows", "columns"), [(1500, 384), (448, 64), (3, 4)])
def test_positions_are_those_of_whisper(rows: int, columns: int) -> None:
    whisper = pytest.importorskip("transformers.models.whisper.modeling_whisper")
    theirs = whisper.sinusoids(rows, columns).double().numpy()
    # An angle of 1,500 has float32 neighbours 1.2e-4 apart.
    np.testing.assert_allclose(ours("sinusoid", (rows, columns)), theirs, atol=1.3e-7 * rows + 1e-6)


def test_a_mamba_block_holds_what_its_library_draws() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.MambaConfig(
        hidden_size=2000, num_hidden_layers=1, vocab_size=8, time_step_rank=125
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        mixer = transformers.MambaModel(config).layers[0].mixer
    shape = tuple(mixer.A_log.shape)
    np.testing.assert_allclose(
        ours("mamba_a_log", shape), mixer.A_log.detach().double().numpy(), rtol=1e-6
    )
    assert set(mixer.D.tolist()) == {1.0}
    same_law("mamba_dt_bias", (4000,), mixer.dt_proj.bias.detach().numpy())
    same_law("mamba_dt_proj", (4000, 125), mixer.dt_proj.weight.detach().numpy())


def test_the_prior_of_a_detector_is_that_of_torchvision() -> None:
    retinanet = pytest.importorskip("torchvision.models.detection.retinanet")
    head = retinanet.RetinaNetClassificationHead(8, 1, 4)
    assert ours("prior_bias", (4,))[0] == pytest.approx(float(head.cls_logits.bias[0]), rel=1e-6)


@pytest.mark.parametrize("rows", [2, 3, 4, 5, 8, 13, 64])
@pytest.mark.parametrize("columns", [1, 2, 3, 5, 12, 63])
def test_zero_takes_the_corner_of_a_hadamard_matrix(rows: int, columns: int) -> None:
    size = 1 << math.ceil(math.log2(rows))
    corner = linalg.hadamard(size)[:rows, :columns].astype(float)
    if columns < rows:
        np.testing.assert_allclose(
            ours("zero_hadamard", (rows, columns)), corner / math.sqrt(size), rtol=1e-7
        )
        centre = ours("zero_hadamard", (rows, columns, 3, 4))
        np.testing.assert_allclose(centre[:, :, 1, 2], corner / math.sqrt(size), rtol=1e-7)
        assert sign_sum(rows, columns) == corner.sum()
    else:
        np.testing.assert_array_equal(ours("zero_hadamard", (rows, columns)), np.eye(rows, columns))


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (6, 3), (4, 4)])
def test_idinit_repeats_an_identity_along_the_longer_side(shape: Shape) -> None:
    side = min(shape)
    repeated = np.tile(np.eye(side), (-(-shape[0] // side), -(-shape[1] // side)))
    np.testing.assert_array_equal(ours("idinit", shape), repeated[: shape[0], : shape[1]])


# Standard deviations worked out by hand from the papers and sources that the schemes cite.
STANDARD_DEVIATIONS = [
    ("small_init", (4, 4), "", math.sqrt(2 / (5 * 64))),
    ("wang_init", (4, 4), "", 2 / 12 / 8),
    ("scaled_normal", (4, 4), "", 0.02 / math.sqrt(24)),
    ("scaled_normal(per_layer=1)", (4, 4), "", 0.02 / math.sqrt(12)),
    ("depth_scaled_normal", (4, 4), "", 0.02 / math.sqrt(2 * (3 + 1))),
    ("deepnorm", (30, 20), "", 96**-0.25 * math.sqrt(2 / 50)),
    ("deepnorm(decoder)", (30, 20), "", 144**-0.25 * math.sqrt(2 / 50)),
    ("deepnorm(encoder, 6, 4)", (30, 20), "", 0.87 * 5184 ** (-1 / 16) * math.sqrt(2 / 50)),
    ("t_fixup", (30, 20), "", 0.67 * 12**-0.25 * math.sqrt(2 / 50)),
    ("t_fixup(decoder)", (30, 20), "", 108**-0.25 * math.sqrt(2 / 50)),
    ("t_fixup(embedding)", (1000, 16), "", 108**-0.25 / 4),
    ("fixup(16)", (8, 4, 3, 3), "conv", math.sqrt(2 / 72) / 4),
    ("fixup(16, 3)", (8, 4, 3, 3), "conv", math.sqrt(2 / 72) / 2),
    ("mup_normal(64, 0.02)", (512, 256), "", 0.01),
    ("mup_uniform(64, 0.02)", (512, 256), "", 0.01 / math.sqrt(3)),
    ("siren", (8, 50), "", math.sqrt(2 / 50) / 30),
    ("siren(first=true)", (8, 2), "", 0.5 / math.sqrt(3)),
    ("lora_gaussian", (8, 100), "", 1 / 8),
    ("lora_a", (8, 100), "", 1 / math.sqrt(300)),
    ("he_normal", (8, 4, 3, 3), "conv(groups=2)", math.sqrt(2 / 36)),
    ("variance_scaling(mode=fan_out)", (8, 4, 3, 3), "conv(groups=2)", math.sqrt(1 / 36)),
    ("variance_scaling(mode=fan_out)", (30, 20), "linear(parts=3)", math.sqrt(1 / 10)),
    ("glorot_uniform", (20, 30), "in_out", math.sqrt(2 / 50)),
    ("lecun_normal", (30, 20), "in_out", math.sqrt(1 / 30)),
    ("lecun_normal(fans=torch)", (30, 20), "in_out", math.sqrt(1 / 20)),
    ("lecun_normal", (8, 4, 4, 4), "conv_transpose(stride=2)", math.sqrt(1 / 32)),
    ("lecun_normal", (5, 30, 20), "linear(stacked=1)", math.sqrt(1 / 20)),
    ("truncated_normal(std=2, low=-1, high=1)", (4, 4), "", 2 * math.sqrt(0.2911250948)),
    ("truncated_normal(0, 3, 0, 1, true)", (4, 4), "", 3.0),
    ("lstm_bias", (40,), "", math.sqrt(3) / 4),
]


@pytest.mark.parametrize(("scheme", "shape", "layout", "expected"), STANDARD_DEVIATIONS)
def test_the_standard_deviation_is_that_of_the_source(
    scheme: str, shape: Shape, layout: str, expected: float
) -> None:
    layer = Layer(shape, "w", layout=parse_layout(layout) if layout else None)
    law = parse_scheme(scheme).draw(layer, VARIABLES).law
    assert law.std == pytest.approx(expected, rel=1e-9)
    if "corrected" not in scheme and "0, 1, true" not in scheme and "lstm" not in scheme:
        assert law.mean == pytest.approx(0, abs=1e-12)
