"""What init starts from: named specs, their roles and ties, and the values that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from initcli.core.tensor import TensorSpec
from initcli.formats.config import read_config
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.reading import open_shard
from initcli.recipes.layers import layers_of
from initcli.schemes.layer import Layer

CHUNK_BYTES = 1 << 22


class Source(Protocol):
    """Names, shapes and values to start from."""

    @property
    def name(self) -> str:
        """The source as the user named it."""

    @property
    def kept(self) -> str:
        """What becomes of a tensor that no scheme selects: `kept` or `copied`."""

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """Every tensor that is stored, by name, in the source's order."""

    @property
    def layers(self) -> Mapping[str, Layer]:
        """What each tensor is to its layer."""

    @property
    def ties(self) -> Mapping[str, str]:
        """Further names of stored tensors: alias to stored name."""

    @property
    def names(self) -> Sequence[str]:
        """Every name, tied ones too, in the source's order."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the output's `__metadata__` holds."""

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The checkpoint it reads from, if it is one."""

    @property
    def config(self) -> Mapping[str, object]:
        """The model's configuration, whose numbers formulas may use; empty without one."""

    @property
    def saved(self) -> Callable[[], Mapping[str, TensorSpec]] | None:
        """Names and shapes that its library stores it by, where they may be others; else None."""

    def has_values(self, names: Iterable[str]) -> bool:
        """Whether it has values for all of these tensors, and not their shapes alone."""

    def held(self, name: str) -> int:
        """Returns the bytes that handing a tensor's values over takes beside chunks of them."""

    def chunks(self, name: str) -> Iterator[memoryview]:
        """Yields the bytes the source has for a tensor."""


@dataclass(frozen=True, slots=True)
class CheckpointSource:
    """An existing checkpoint, copied byte for byte where nothing is drawn."""

    checkpoint: Checkpoint
    kept: str = "copied"

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return str(self.checkpoint.path)

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """The checkpoint's tensors, in the dtypes in which their values are read."""
        specs = self.checkpoint.specs
        return {name: replace(spec, stored_as="") for name, spec in specs.items()}

    @property
    def saved(self) -> None:
        """It is stored as it is."""

    @property
    def layers(self) -> Mapping[str, Layer]:
        """Guessed from names and shapes."""
        return layers_of(self.checkpoint.specs)

    @property
    def ties(self) -> Mapping[str, str]:
        """As the metadata declares them."""
        return self.checkpoint.ties

    @property
    def names(self) -> Sequence[str]:
        """Those of the file, then those that the metadata ties."""
        return [*self.specs, *self.ties]

    @property
    def metadata(self) -> Mapping[str, str]:
        """The checkpoint's own, unchanged."""
        return self.checkpoint.metadata

    @property
    def config(self) -> Mapping[str, object]:
        """What `config.json` beside the checkpoint says."""
        return read_config(self.checkpoint.directory)

    def has_values(self, names: Iterable[str]) -> bool:  # noqa: ARG002 - whichever they are
        """Always: they are on storage."""
        return True

    def held(self, name: str) -> int:  # noqa: ARG002 - whatever the tensor
        """None: it is read in chunks."""
        return 0

    def chunks(self, name: str) -> Iterator[memoryview]:
        """Yields the stored bytes, chunk by chunk from one buffer."""
        tensor = self.checkpoint.tensors[name]
        buffer = memoryview(bytearray(min(CHUNK_BYTES, tensor.spec.nbytes)))
        with open_shard(tensor.shard) as reader:
            for start in range(0, tensor.spec.nbytes, CHUNK_BYTES):
                chunk = buffer[: min(CHUNK_BYTES, tensor.spec.nbytes - start)]
                reader.read(tensor.offset + start, chunk)
                yield chunk
