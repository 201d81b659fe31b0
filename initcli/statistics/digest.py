"""Hashes of tensors' bytes, by which equal contents are found under whatever name.

The hash is BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), 128 bits of it. A tensor is
hashed in segments, so that several threads can share one: a tensor of one segment has the hash
of its bytes, a longer one the hash of its segments' hashes, under a context of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LENGTH = 16
_CONTEXT = "initcli 2026-11 hashes of consecutive segments of a tensor"


def segment_digest() -> Any:  # noqa: ANN401 - blake3 publishes no protocol
    """Returns a hasher of one segment's bytes."""
    from blake3 import blake3

    return blake3()


def joined_digest(digests: Sequence[bytes]) -> str:
    """Returns a tensor's hash in hexadecimal from those of its segments, in order."""
    from blake3 import blake3

    if len(digests) == 1:
        return digests[0][:_LENGTH].hex()
    return blake3(b"".join(digests), derive_key_context=_CONTEXT).digest(length=_LENGTH).hex()
