"""Hashes the bytes of chosen tensors, and nothing else of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from initcli.core.progress import SILENT, Progress
from initcli.engine.local import run_in_order
from initcli.engine.plan import Piece, in_file_order, segments
from initcli.engine.stream import read_chunks
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import open_shard
from initcli.statistics.digest import joined_digest, segment_digest


def digests(
    tensors: Collection[StoredTensor], jobs: int, progress: Progress = SILENT
) -> Iterator[tuple[StoredTensor, str]]:
    """Hashes tensors in one pass over their bytes, whatever their dtype.

    Yields:
        Each tensor with its hash, by which tensors of one dtype and shape can be told apart.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    pieces = [piece for tensor in in_file_order(tensors) for piece in segments(tensor)]
    held: list[bytes] = []
    for piece, digest in zip(pieces, run_in_order(_digest, pieces, jobs), strict=True):
        held.append(digest)
        progress.advance(piece.nbytes)
        if piece.is_last:
            yield piece.tensor, joined_digest(held)
            held = []


def _digest(piece: Piece) -> bytes:
    hasher = segment_digest()
    with open_shard(piece.tensor.shard) as reader:
        for chunk in read_chunks(reader, piece):
            hasher.update(chunk)
    digest: bytes = hasher.digest()
    return digest
