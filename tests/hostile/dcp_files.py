"""Distributed checkpoints whose metadata or pieces are cut, changed or another pickle."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp

from cases import SOUND, Case, Content, case, cut, flipped
from pickles import hostile_pickles

METADATA, PIECES = ".metadata", "__0_0.distcp"


@cache
def sound_dcp() -> dict[str, bytes]:
    """Returns what `torch.distributed.checkpoint` writes of one process, by file."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of there being no other process
        state = {"w": torch.arange(20.0).reshape(5, 4), "b": torch.ones(3), "step": 7}
        dcp.save(state, checkpoint_id=directory, no_dist=True)
        return {name: (Path(directory) / name).read_bytes() for name in (METADATA, PIECES)}


def hostile_dcp() -> Iterator[Case]:
    """Yields directories."""
    sound = sound_dcp()

    def with_metadata(raw: bytes) -> Content:
        return sound | {METADATA: raw}

    def with_pieces(raw: bytes) -> Content:
        return sound | {PIECES: raw}

    yield case("sound", sound, SOUND)
    # The machine is the one that reads archives, on which all of them are tried.
    for each in islice(hostile_pickles(), 0, None, 3):
        yield Case(f"metadata: {each.name}", lambda each=each: with_metadata(each.make()))  # type: ignore[misc]
    yield Case("no pieces", lambda: {METADATA: sound[METADATA]})
    for name, raw, wrap in (
        ("metadata", sound[METADATA], with_metadata),
        ("pieces", sound[PIECES], with_pieces),
    ):
        yield from cut(name, raw, (*range(0, len(raw), 61), len(raw) - 1), wrap)
        yield from flipped(name, raw, 60, 13, wrap)
