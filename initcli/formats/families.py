"""Which files of a directory are its checkpoint: there, names are all there is to go by.

What a chosen file is, is known by its content.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from initcli.core.errors import UnknownFormatError
from initcli.core.text import plural, visible
from initcli.formats.plain_name import part_names

# Diffusers puts the variant before the ending, or after it in an index's name.
_INDEX = re.compile(r"\.index(?:\.[\w-]+)?\.json$")
_VARIANT = re.compile(r"\.(?:fp16|bf16|fp32|non_ema|ema)(?=[.-])")
_SHARD = re.compile(r"-\d+-of-\d+\.[a-z]+$")
# What transformers' and accelerate's trainers keep beside a model's weights.
_NO_WEIGHTS = re.compile(
    r"(training_args|optimizer|scheduler|scaler|random_states|rng_state)[_\d]*\.[a-z]+"
)


@dataclass(frozen=True, slots=True)
class Family:
    """Files that are read alike.

    Attributes:
        what: What they are called.
        endings: How their names end; those of their indexes end in `.index.json` beyond.
        has_index: Whether shards need an index; otherwise they know each other by name.
    """

    what: str
    endings: tuple[str, ...]
    has_index: bool = True

    def among(self, names: Sequence[str]) -> list[str]:
        """Returns the names that are such files or their indexes."""
        return [
            name
            for name in names
            if _INDEX.sub("", name).endswith(self.endings) and not _NO_WEIGHTS.fullmatch(name)
        ]

    def chosen(self, found: Sequence[str], where: str) -> str:
        """Returns the one to be opened: the index if there is one, else the only file or model.

        Raises:
            UnknownFormatError: There is more than one choice, or an index is missing.
        """
        indexes = [name for name in found if _INDEX.search(name)]
        choice = _without_variants(indexes or found)
        is_one = not self.has_index and set(choice) <= set(part_names(choice[0]))
        if len(choice) == 1 or is_one:
            return choice[0]
        count = plural(len(choice), *(("index", "indexes") if indexes else ("file",)))
        message = f"a directory with {count} of {self.what}"
        raise UnknownFormatError(message, where=where, hint=self._hint_of(choice))

    def _hint_of(self, names: Sequence[str]) -> str:
        if self.has_index and all(_SHARD.search(name) for name in names):
            ending = self.endings[0]
            return f"these are shards, and their index, *{ending}.index.json, is missing: fetch it"
        return f"name one of them, such as {visible(names[0], 80)}"


def _without_variants(names: Sequence[str]) -> Sequence[str]:
    """Returns the files that are stored in no other precision than the others, if there are any."""
    usual = [name for name in names if not _VARIANT.search(name)]
    return usual or names


FAMILIES = (
    Family("safetensors", (".safetensors",)),
    Family("PyTorch files", (".bin", ".pt", ".pth", ".ckpt")),
    Family("GGUF", (".gguf",), has_index=False),
    Family("HDF5", (".h5", ".hdf5", ".keras"), has_index=False),
    Family("ONNX", (".onnx",), has_index=False),
    Family("NumPy files", (".npz", ".npy"), has_index=False),
)
"""The first that a directory has is read."""
METADATA, PIECES = ".metadata", ".distcp"
"""The file that tells of a distributed checkpoint, and how the names of the others end."""


def is_distributed(names: Sequence[str]) -> bool:
    """Whether a directory of these names is a checkpoint of torch.distributed."""
    return METADATA in names and any(name.endswith(PIECES) for name in names)


def holds_checkpoint(names: Sequence[str]) -> bool:
    """Whether a directory of these names has a checkpoint in it."""
    is_foreign = any(name.endswith((".msgpack", ".index.json")) for name in names)
    return is_distributed(names) or is_foreign or any(family.among(names) for family in FAMILIES)


def of_training(names: Sequence[str]) -> list[str]:
    """Returns the names of what trainers keep beside a model."""
    return [name for name in names if _NO_WEIGHTS.fullmatch(name)]
