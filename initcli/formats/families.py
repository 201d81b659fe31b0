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

_INDEX = ".index.json"
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
        indexes = tuple(f"{ending}{_INDEX}" for ending in self.endings)
        return [
            name
            for name in names
            if name.endswith((*self.endings, *indexes)) and not _NO_WEIGHTS.fullmatch(name)
        ]

    def chosen(self, found: Sequence[str], where: str) -> str:
        """Returns the one to be opened: the index if there is one, else the only file or model.

        Raises:
            UnknownFormatError: There is more than one choice, or an index is missing.
        """
        indexes = [name for name in found if name.endswith(_INDEX)]
        choice = indexes or found
        is_one = not self.has_index and set(choice) <= set(part_names(choice[0]))
        if len(choice) == 1 or is_one:
            return choice[0]
        count = plural(len(choice), *(("index", "indexes") if indexes else ("file",)))
        message = f"a directory with {count} of {self.what}"
        raise UnknownFormatError(message, where=where, hint=self._hint_of(choice))

    def _hint_of(self, names: Sequence[str]) -> str:
        if self.has_index and all(_SHARD.search(name) for name in names):
            ending = self.endings[0]
            return f"these are shards, and their index, *{ending}{_INDEX}, is missing: fetch it"
        return f"name one of them, such as {visible(names[0], 80)}"


FAMILIES = (
    Family("safetensors", (".safetensors",)),
    Family("PyTorch files", (".bin", ".pt", ".pth", ".ckpt")),
    Family("GGUF", (".gguf",), has_index=False),
)
"""The first that a directory has is read."""


def is_distributed(names: Sequence[str]) -> bool:
    """Whether a directory of these names is a checkpoint of torch.distributed."""
    return ".metadata" in names and any(name.endswith(".distcp") for name in names)
