"""Several names of the same bytes, as a file has them whose tensors may share storage."""

from __future__ import annotations

from collections.abc import Mapping

from initcli.formats.storage.checkpoint import StoredTensor


def without_aliases(
    tensors: Mapping[str, StoredTensor],
) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    """Returns each tensor under the first of its names, and the others to that name.

    One tensor is what lies at one address with one dtype and shape; what has no values is no
    other's, wherever it lies.
    """
    first: dict[tuple[object, ...], str] = {}
    kept: dict[str, StoredTensor] = {}
    aliases: dict[str, str] = {}
    for name, tensor in tensors.items():
        spec = tensor.spec
        place = (str(tensor.shard.path), tensor.offset, spec.dtype.code, spec.shape)
        known = first.setdefault(place, name) if spec.parameters else name
        if known == name:
            kept[name] = tensor
        else:
            aliases[name] = known
    return kept, aliases
