"""Regenerates the sample checkpoints, byte for byte on every platform."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from faults import FAULTS
from training import Array, State, accuracy, digits, generator, init_state, train

DIGITS_MLP = {"fc1": (128, 64), "fc2": (64, 128), "head": (10, 64)}
DEEP_MLP = {
    "embed": (80, 64),
    **{f"layers.{depth}": (80, 80) for depth in range(10)},
    "head": (10, 80),
}
VOCAB, WIDTH, HEADS, LAYERS, CONTEXT = 256, 64, 4, 2, 64
INITIALIZER_RANGE = 0.02
SHARDS = 3


def to_f32(values: Array) -> bytes:
    """Encodes as little-endian float32."""
    return values.astype("<f4").tobytes()


def to_bf16(values: Array) -> bytes:
    """Encodes as little-endian bfloat16, rounding to nearest, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return rounded.astype("<u2").tobytes()


ENCODERS = {"F32": to_f32, "BF16": to_bf16}


def save(path: Path, state: State, dtype: str, metadata: dict[str, str]) -> None:
    """Writes a safetensors file.

    The library would order the metadata by a hash that changes from one run to the next.

    Args:
        path: The file to write.
        state: The tensors, of any shape.
        dtype: ``F32`` or ``BF16``, for all of them.
        metadata: Strings for the header.
    """
    header: dict[str, object] = {"__metadata__": metadata}
    body = b""
    for name, values in sorted(state.items()):
        start = len(body)
        body += ENCODERS[dtype](values)
        span = [start, len(body)]
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": span}
    text = json.dumps(header, separators=(",", ":")).encode()
    # Tensors must start at a multiple of 8 bytes to be mapped into memory.
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def save_json(path: Path, content: Mapping[str, object]) -> None:
    """Writes JSON with the same line endings on every platform."""
    path.write_text(json.dumps(content, indent=2) + "\n", newline="\n")


def trained(layers: dict[str, tuple[int, int]], seed: int) -> tuple[State, dict[str, str]]:
    """Trains a network of linear layers, given as {name: (fan_out, fan_in)}, on the digits.

    Returns:
        The weights and biases, and the metadata that says where they come from.
    """
    rng = generator(seed)
    train_set, held_out = digits()
    state = train(init_state(rng, layers), train_set, rng)
    score = f"{accuracy(state, held_out):.4f}"
    source = "sklearn.datasets.load_digits"
    return state, {"format": "pt", "source": source, "accuracy": score}


def make_digits_mlp(directory: Path) -> None:
    """Writes a network trained on the digits."""
    state, metadata = trained(DIGITS_MLP, seed=1)
    print(f"digits_mlp: held-out accuracy {metadata['accuracy']}")
    save(directory / "digits_mlp.safetensors", state, "F32", metadata)


def make_faulty(directory: Path) -> None:
    """Writes a deep network trained on the digits, then damaged as its metadata says."""
    state, metadata = trained(DEEP_MLP, seed=2)
    print(f"faulty: held-out accuracy {metadata['accuracy']} before the faults")
    for fault in FAULTS:
        fault.plant(state, fault.tensor)
        metadata[f"fault:{fault.tensor}"] = fault.description
    save(directory / "faulty.safetensors", state, "F32", metadata)


def block_shapes(prefix: str) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the tensors of a transformer block, by name."""
    weights: dict[str, tuple[int, ...]] = {
        "ln1": (WIDTH,),
        "attn.qkv": (3 * WIDTH, WIDTH),
        "attn.proj": (WIDTH, WIDTH),
        "ln2": (WIDTH,),
        "mlp.up": (4 * WIDTH, WIDTH),
        "mlp.down": (WIDTH, 4 * WIDTH),
    }
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in weights.items():
        shapes |= {f"{prefix}.{name}.weight": shape, f"{prefix}.{name}.bias": shape[:1]}
    return shapes


def gpt_shapes() -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the tensors of the transformer; its head is ``tok.weight``."""
    shapes: dict[str, tuple[int, ...]] = {
        "tok.weight": (VOCAB, WIDTH),
        "pos.weight": (CONTEXT, WIDTH),
    }
    for depth in range(LAYERS):
        shapes |= block_shapes(f"blocks.{depth}")
    return {**shapes, "ln.weight": (WIDTH,), "ln.bias": (WIDTH,)}


def draw_gpt2(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    """Initialises a tensor as GPT-2 does."""
    if name.endswith(".bias"):
        return np.zeros(shape)
    if len(shape) == 1:
        return np.ones(shape)
    residual = name.endswith(("attn.proj.weight", "mlp.down.weight"))
    # Each block adds two terms to the residual stream, whose variance must not grow with depth.
    scale = INITIALIZER_RANGE / np.sqrt(2 * LAYERS) if residual else INITIALIZER_RANGE
    return rng.normal(0, scale, shape)


def save_sharded(directory: Path, state: State, dtype: str) -> None:
    """Writes the tensors, in order, to numbered files with an index, as Hugging Face does."""
    weight_map: dict[str, str] = {}
    for number, names in enumerate(np.array_split(list(state), SHARDS), start=1):
        shard = f"model-{number:05}-of-{SHARDS:05}.safetensors"
        tensors = {str(name): state[name] for name in names}
        save(directory / shard, tensors, dtype, {"format": "pt"})
        weight_map |= dict.fromkeys(tensors, shard)
    total_size = sum(len(ENCODERS[dtype](values)) for values in state.values())
    weight_map = dict(sorted(weight_map.items()))
    index = {"metadata": {"total_size": total_size}, "weight_map": weight_map}
    save_json(directory / "model.safetensors.index.json", index)


def gpt_config() -> dict[str, object]:
    """Returns the configuration, with the keys of GPT-2."""
    return {
        "model_type": "tiny_gpt",
        "n_layer": LAYERS,
        "n_embd": WIDTH,
        "n_head": HEADS,
        "n_positions": CONTEXT,
        "vocab_size": VOCAB,
        "initializer_range": INITIALIZER_RANGE,
        "tie_word_embeddings": True,
    }


def make_tiny_gpt(directory: Path) -> None:
    """Writes an untrained transformer in shards, laid out as on the Hugging Face Hub."""
    rng = generator(4)
    state = {name: draw_gpt2(rng, name, shape) for name, shape in gpt_shapes().items()}
    directory.mkdir(exist_ok=True)
    save_sharded(directory, state, "BF16")
    save_json(directory / "config.json", gpt_config())


def main() -> None:
    """Writes the checkpoints to the directory named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=Path(__file__).parent)
    directory: Path = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    make_digits_mlp(directory)
    make_tiny_gpt(directory / "tiny_gpt")
    make_faulty(directory)


if __name__ == "__main__":
    main()
