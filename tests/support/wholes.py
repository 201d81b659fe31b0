"""Whole checkpoints: planted faults with what is found of them, by code and tensor; sound ones."""

from __future__ import annotations

from dataclasses import replace

from initcli.checks.contents import Contents, StoredTie
from initcli.checks.matching import Match, Model, match
from initcli.checks.observation import Observation
from initcli.core.dtypes import DTYPES
from initcli.core.errors import IndexMismatchError, TruncatedError
from initcli.core.tensor import TensorSpec
from initcli.formats.storage.defect import Defect, Flaw
from initcli.schemes import law as laws
from initcli.theory.identify.identity import Fit, Identity, Kind

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


FRESH, TRAINED, FIXED, UNKNOWN, SILENT = (
    Identity(
        kind,
        1e-3,
        (Fit(laws.normal(0, 0.02), ("normal(0, 0.02)",), 0.5, "mean", -1.0),),
        structure="zeros",
        places={"row means": 1e-9 if kind is Kind.NOT_INITIAL else 0.5},
    )
    for kind in (
        Kind.CONSISTENT,
        Kind.NOT_INITIAL,
        Kind.STRUCTURED,
        Kind.UNKNOWN_LAW,
        Kind.CANNOT_TELL,
    )
)


BESIDE = f"statistically {FRESH.text}; beside trained"


def identified(
    shape: tuple[int, ...] = (64, 64), suffix: str = ".weight", **found: Identity
) -> Contents:
    """Returns a checkpoint of tensors that are identified, `h_0_w` for `h.0.w.weight`."""
    return Contents(
        "f",
        [
            Observation(
                "f",
                TensorSpec(name.replace("_", ".") + suffix, DTYPES["F32"], shape),
                None,
                identity=each,
            )
            for name, each in found.items()
        ],
    )


def role(*identities: Identity, name: str = "h_{}_w") -> dict[str, Identity]:
    """Returns tensors of one role, a layer each."""
    return {name.format(place): each for place, each in enumerate(identities)}


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
    "one of a role still initial": (
        identified(**role(TRAINED, TRAINED, FRESH, TRAINED, TRAINED)),
        {
            "IC310": {
                "h.2.w.weight": f"{BESIDE} h.0.w.weight, h.1.w.weight, h.3.w.weight and 1 more"
            }
        },
    ),
    "one of a role still zero": (
        identified(**role(FIXED, TRAINED, TRAINED)),
        {"IC310": {"h.0.w.weight": "it holds zeros; beside trained h.1.w.weight, h.2.w.weight"}},
    ),
    "one of two still initial, and one of few": (
        identified(
            **role(TRAINED, FRESH), **role(TRAINED, TRAINED, TRAINED, TRAINED, name="h_{}_v")
        ),
        {
            "IC310": {
                "h.1.w.weight": f"{BESIDE} h.0.w.weight, h.0.v.weight, h.1.v.weight and 2 more"
            }
        },
    ),
    "a head still initial": (
        identified(head=FRESH, **role(TRAINED, TRAINED, TRAINED)),
        {"IC310": {"head.weight": f"{BESIDE} h.0.w.weight, h.1.w.weight, h.2.w.weight"}},
    ),
    "two of eight still initial": (
        identified(**role(FRESH, FRESH, *[TRAINED] * 6)),
        {
            "IC310": {
                f"h.{place}.w.weight": f"{BESIDE} h.2.w.weight, h.3.w.weight, h.4.w.weight "
                "and 3 more"
                for place in (0, 1)
            }
        },
    ),
    "all still initial": (
        identified(head=FIXED, **role(FRESH, FRESH)),
        {"IC311": {"": "3 matrices, and none shows that it was trained"}},
    ),
    "one matrix, and initial": (
        identified(head=FRESH),
        {"IC311": {"": "1 matrix, and none shows that it was trained"}},
    ),
    "initial beside what holds NaN": (
        identified(**role(FRESH, SILENT, SILENT, SILENT)),
        {"IC311": {"": "1 matrix, and none shows that it was trained"}},
    ),
    "tensors that cannot be read": (
        Contents("f", (), unread={"a": "on the meta device, without values"}),
        {"IC908": {"a": "not checked: on the meta device, without values"}},
    ),
    "nothing": (
        Contents("f", (), is_empty=True),
        {"IC907": {"": "not checked: there is no tensor in it"}},
    ),
}

CONTENTS_SOUND: dict[str, Contents] = {
    "nothing to say": Contents("f", ()),
    "all trained": identified(**role(*[TRAINED] * 6)),
    "a table of fixed positions among trained": identified(positions=FIXED, **role(*[TRAINED] * 6)),
    "a role that is fixed in every layer": identified(
        **role(*[FIXED] * 4), **role(*[TRAINED] * 6, name="h_{}_v")
    ),
    "most of a role frozen": identified(**role(*[FRESH] * 5, *[TRAINED] * 3)),
    "a small matrix among trained": identified((63, 65), **role(FRESH, TRAINED, TRAINED, TRAINED)),
    "places that are suspicious": identified(
        **role(replace(FRESH, places={"row means": 0.005}), TRAINED, TRAINED, TRAINED)
    ),
    "adapters, whose role is not trained": identified(
        **role(*[FRESH] * 4), **role(*[TRAINED] * 6, name="h_{}_v")
    ),
    "called no weight": identified(**role(FRESH, TRAINED, TRAINED, TRAINED), suffix=""),
    "all fixed": identified(**role(FIXED, FIXED)),
    "one whose law is unknown among initial ones": identified(**role(FRESH, FRESH, UNKNOWN)),
    "none that tells": identified(**role(SILENT, SILENT, SILENT)),
    "a vector still initial": identified((4096,), **role(FRESH, TRAINED, TRAINED, TRAINED)),
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
