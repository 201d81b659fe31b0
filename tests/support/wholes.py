"""Whole checkpoints: planted faults with what is found of them, by code and tensor; sound ones."""

from __future__ import annotations

from initcli.checks.contents import Contents, StoredTie
from initcli.checks.matching import Match, Model, match
from initcli.checks.observation import Observation
from initcli.core.dtypes import DTYPES
from initcli.core.errors import IndexMismatchError, TruncatedError
from initcli.core.tensor import TensorSpec
from initcli.formats.defect import Defect, Flaw

_LOST = IndexMismatchError("tensor a is lost")
_CUT = TruncatedError("the file ends early")


def specs(*shape: int, **named: str) -> dict[str, TensorSpec]:
    """Returns tensors of one shape by their dtypes."""
    return {name: TensorSpec(name, DTYPES[code], shape) for name, code in named.items()}


def layers(
    *codes: str, suffix: str = "q.weight", first: int = 0, shape: tuple[int, ...] = (4, 4)
) -> Contents:
    """Returns a checkpoint whose layers, from the first on, have these dtypes."""
    names = [f"layers.{place}.{suffix}" for place, _ in enumerate(codes, first)]
    seen = [
        Observation("f", TensorSpec(name, DTYPES[code], shape), None)
        for name, code in zip(names, codes, strict=True)
    ]
    return Contents("f", seen)


def beside(model: dict[str, TensorSpec], stored: dict[str, TensorSpec], **ties: str) -> Contents:
    """Returns a checkpoint beside a model with ties."""
    return Contents("f", (), match=match(Model(model, ties), stored, {}, lambda _: True))


WEIGHT, BIAS = specs(3, 2, w="F32"), specs(b="F32")
BLOCKS = {f"h.{place}.w": TensorSpec(f"h.{place}.w", DTYPES["F32"], (2,)) for place in range(4)}
PREFIXED = {f"model.{name}": spec for name, spec in BLOCKS.items()}

CONTENTS_FAULTS: dict[str, tuple[Contents, dict[str, dict[str, str]]]] = {
    "index and shards disagree": (
        Contents("f", (), [Defect(Flaw.DISAGREEMENT, _LOST, "is lost", "a")]),
        {"IC301": {"a": "is lost"}},
    ),
    "two shards": (
        Contents("f", (), [Defect(Flaw.DOUBLED, _LOST, "is in two", "a")]),
        {"IC302": {"a": "is in two"}},
    ),
    "a truncated shard": (
        Contents("f", (), [Defect(Flaw.UNREADABLE, _CUT, "1.safetensors: cut", file="1")]),
        {"IC303": {"": "1.safetensors: cut"}},
    ),
    "a broken tie": (
        Contents(
            "f", (), ties=[StoredTie("head", "embed", "the metadata", "1 of 8 values differ")]
        ),
        {
            "IC304": {
                "head": "tied to embed by the metadata, and stored beside it: 1 of 8 values differ"
            }
        },
    ),
    "one layer of another dtype": (
        layers("BF16", "BF16", "F32", "BF16", "BF16"),
        {"IC305": {"layers.2.q.weight": "F32, where 4 others as layers.*.q.weight are BF16"}},
    ),
    "some layers of other dtypes": (
        layers("F32", "F16", *["BF16"] * 6),
        {
            "IC305": {
                "layers.0.q.weight": "F16 or F32 in 2 tensors, where 6 others as layers.*.q.weight "
                "are BF16: layers.0.q.weight, layers.1.q.weight"
            }
        },
    ),
    "a missing tensor": (
        beside(WEIGHT | BIAS, WEIGHT),
        {"IC306": {"b": "missing: the model has it, a scalar"}},
    ),
    "an unexpected tensor": (
        beside(WEIGHT, WEIGHT | BIAS),
        {"IC307": {"b": "unexpected: the model has none of this name"}},
    ),
    "another shape": (
        beside(WEIGHT, specs(2, 3, w="F32")),
        {"IC308": {"w": "2×3, where the model has 3×2"}},
    ),
    "another shape under a tied name": (
        beside(WEIGHT, specs(2, 3, v="F32"), v="w"),
        {"IC308": {"v": "2×3, where the model has 3×2"}},
    ),
    "a prefix too many": (
        beside(BLOCKS, PREFIXED),
        {"IC309": {"": "0 of 4 names are the model's, and without the prefix 'model.' 4 are"}},
    ),
    "a prefix too few": (
        beside(PREFIXED, BLOCKS),
        {"IC309": {"": "0 of 4 names are the model's, and with the prefix 'model.' 4 are"}},
    ),
    "a prefix, and what differs beside it": (
        beside(BLOCKS | BIAS, PREFIXED | WEIGHT),
        {
            "IC306": {"b": "missing: the model has it, a scalar"},
            "IC307": {"w": "unexpected: the model has none of this name"},
            "IC309": {"": "0 of 5 names are the model's, and without the prefix 'model.' 4 are"},
        },
    ),
    "nothing": (
        Contents("f", (), is_empty=True),
        {"IC907": {"": "not checked: there is no tensor in it"}},
    ),
}

CONTENTS_SOUND: dict[str, Contents] = {
    "nothing to say": Contents("f", ()),
    "a tie that holds": Contents("f", (), ties=[StoredTie("head", "embed", "the metadata", "")]),
    "a tie that was not looked at": Contents("f", (), ties=[StoredTie("head", "embed", "x")]),
    "layers of one dtype": layers(*["BF16"] * 8),
    "few peers": layers("F32", "BF16", "BF16", "BF16"),
    "no clear majority": layers(*["F32"] * 3, *["BF16"] * 8),
    "no layers": Contents(
        "f", [*layers("F32", suffix="a").seen, *layers(*["F16"] * 5, suffix="b").seen]
    ),
    "a norm between layers of a plain sequence": Contents(
        "f",
        [
            *layers(*["BF16"] * 8, suffix="weight").seen,
            *layers("F32", "F32", suffix="weight", first=8, shape=(4,)).seen,
        ],
    ),
    "the model's tensors": beside(WEIGHT | BIAS, BIAS | WEIGHT),
    "one name of a tie": beside(WEIGHT | BIAS, BIAS | specs(3, 2, v="F32"), v="w"),
    "both names of a tie": beside(WEIGHT, WEIGHT | specs(3, 2, v="F32"), v="w"),
    "another dtype than the model's": beside(WEIGHT, specs(3, 2, w="BF16")),
    "an alias of the checkpoint's own": Contents(
        "f",
        (),
        match=match(Model(WEIGHT | specs(3, 2, v="F32")), WEIGHT, {"v": "w"}, lambda _: True),
    ),
    "a model without tensors": Contents("f", (), match=Match()),
}
