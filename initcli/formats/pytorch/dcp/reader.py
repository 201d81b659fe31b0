"""Opens a distributed checkpoint, as `torch.distributed.checkpoint` writes it to a directory.

No process group is needed and nothing is run: pieces are put together when they are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from initcli.core.collector import uncollected
from initcli.core.dtypes import DType
from initcli.core.errors import InitcliError, MalformedError
from initcli.core.tensor import TensorSpec, bits_of
from initcli.core.text import visible
from initcli.formats.making.mosaic import Mosaic, Tile
from initcli.formats.pytorch.dcp.file import Placed, place_pieces
from initcli.formats.pytorch.dcp.metadata import NAME, Piece, Told, read_metadata
from initcli.formats.pytorch.tensors.names import WRAPPERS
from initcli.formats.storage.checkpoint import Checkpoint, Shard, StoredTensor
from initcli.formats.storage.defect import Defect, Tell, refuse, taking_note, unreadable
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.optimizer import is_optimizer

_MOST_COMPARED = 2_000_000
# What an application's state is registered as in PyTorch's own recipes.
_WRAPPERS = WRAPPERS | {"app"}


def read_dcp(path: Path, *, lenient: bool = False) -> Checkpoint:
    """Opens a directory; of values nothing is read.

    Args:
        path: The directory.
        lenient: Whether to open what is sound, and to list as defects what is not.

    Raises:
        MissingError: A file cannot be opened.
        MalformedError, TruncatedError: A file breaks a rule of the format. A lenient reader is
            told of single tensors only where no other is left.
    """
    defects: list[Defect] = []
    with uncollected():
        told = read_metadata(path / NAME)
        whole = _Whole(path, _opened(path, told.tensors))
        found = whole.tensors(told.tensors, taking_note(defects) if lenient else refuse)
    if defects and not found:
        refuse(defects[0])
    optimizer = {name: each for name, each in found.items() if is_optimizer(name.partition(".")[0])}
    model, below = _unwrapped({name: found[name] for name in found if name not in optimizer})
    return Checkpoint(
        path,
        tuple(whole.shards.values()),
        model or optimizer,
        optimizer=optimizer if model else {},
        notes=(f"names are those below {'.'.join(below)}",) if below else (),
        defects=tuple(defects),
        unread=told.unread,
    )


def _unwrapped(model: dict[str, StoredTensor]) -> tuple[dict[str, StoredTensor], list[str]]:
    """Takes off what all names begin with, where it is but what a training script calls a model."""
    below = list[str]()
    while model:
        heads = {name.partition(".")[0] for name in model}
        (head,) = heads if len(heads) == 1 else ("",)
        if head not in _WRAPPERS or head in model:
            break
        named = ((name.removeprefix(f"{head}."), each) for name, each in model.items())
        model = {name: replace(each, spec=replace(each.spec, name=name)) for name, each in named}
        below.append(head)
    return model, below


@dataclass(frozen=True, slots=True)
class _File:
    """A file of pieces: its shard and where they lie, or why it cannot be opened."""

    shard: Shard | None
    placed: Placed
    error: InitcliError | None = None

    def address(self, piece: Piece, dtype: DType) -> int:
        """Returns where a piece lies, or raises why that is not known."""
        found = self.error or self.placed[piece, dtype]
        if isinstance(found, InitcliError):
            raise found
        return found


def _opened(path: Path, told: Sequence[Told]) -> dict[str, _File]:
    pieces: dict[str, list[tuple[Piece, DType]]] = {}
    for tensor in told:
        for piece in tensor.pieces:
            pieces.setdefault(piece.file, []).append((piece, tensor.dtype))
    return {name: _file(path / name, held) for name, held in pieces.items()}


def _file(path: Path, pieces: Sequence[tuple[Piece, DType]]) -> _File:
    try:
        return _File(*place_pieces(path, pieces))
    except InitcliError as error:
        return _File(None, {}, error)


class _Whole:
    """Tensors, put together of the pieces in several files.

    Args:
        path: The directory.
        files: What it holds, by name.

    Attributes:
        shards: The files that can be read, with all that is made of them, by name.
    """

    def __init__(self, path: Path, files: Mapping[str, _File]) -> None:
        self._where = visible(str(path), 300)
        self._files = files
        self.shards = {name: each.shard for name, each in files.items() if each.shard}
        self._spaces = {name: _space_behind(shard) for name, shard in self.shards.items()}

    def tensors(self, told: Sequence[Told], tell: Tell) -> dict[str, StoredTensor]:
        """Returns the tensors all of whose pieces are sound."""
        placed = list[tuple[TensorSpec, str, int]]()
        for each in told:
            try:
                placed.append((TensorSpec(each.name, each.dtype, each.shape), *self._place(each)))
            except InitcliError as error:
                tell(unreadable(each.name, error))
        for name, shard in self.shards.items():
            self.shards[name] = replace(shard, extents=shard.extents + self._spaces[name].extents)
        return {
            spec.name: StoredTensor(spec, self.shards[file], address)
            for spec, file, address in placed
        }

    def _place(self, told: Told) -> tuple[str, int]:
        """Returns the file at whose address a tensor is read, and the address."""
        self._check(told)
        addresses = [self._files[piece.file].address(piece, told.dtype) for piece in told.pieces]
        host = told.pieces[0].file if told.pieces else next(iter(self.shards), None)
        if host is None:
            raise MalformedError("none of its files can be read", where=self._where)
        if not math.prod(told.shape):
            return host, 0
        if len(told.pieces) == 1:
            return host, addresses[0]
        tiles = [
            Tile(piece.origin, piece.shape, address, self._files[piece.file].shard)
            for piece, address in zip(told.pieces, addresses, strict=True)
        ]
        itemsize = told.dtype.itemsize
        size = math.prod(told.shape) * itemsize
        return host, self._spaces[host].place(size, Mosaic(told.shape, itemsize, tiles))

    def _check(self, told: Told) -> None:
        """Holds that the pieces cover the tensor, and no value twice."""
        where = f"{self._where}, tensor {visible(told.name, 80)}"
        if bits_of(told.shape, told.dtype.bits) is None:
            raise MalformedError("the shape's product overflows", where=where)
        if told.dtype.is_packed:
            raise MalformedError(f"{told.dtype.code} values are not read from pieces", where=where)
        if not all(_is_within(piece, told) for piece in told.pieces):
            raise MalformedError("a piece lies outside of its tensor", where=where)
        held = sum(math.prod(piece.shape) for piece in told.pieces)
        if held != math.prod(told.shape) or _overlap(told.pieces):
            raise MalformedError("its pieces leave a hole or overlap", where=where)


def _space_behind(shard: Shard) -> AddressSpace:
    return AddressSpace(shard.extents[-1].end if shard.extents else shard.size)


def _is_within(piece: Piece, told: Told) -> bool:
    if not len(piece.origin) == len(piece.shape) == len(told.shape):
        return False
    sides = zip(piece.origin, piece.shape, told.shape, strict=True)
    return all(start + length <= whole for start, length, whole in sides)


def _overlap(pieces: Sequence[Piece]) -> bool:
    """Whether any two overlap, of which those are compared that meet along one dimension.

    It is that along which the most begin apart.

    Raises:
        MalformedError: So many lie beside each other that it would take minutes.
    """
    apart = [len(set(origins)) for origins in zip(*(each.origin for each in pieces), strict=True)]
    if not apart:
        return len(pieces) > 1
    axis, compared, beside = apart.index(max(apart)), 0, list[Piece]()
    for piece in sorted(pieces, key=lambda each: each.origin[axis]):
        start = piece.origin[axis]
        beside = [each for each in beside if each.origin[axis] + each.shape[axis] > start]
        compared += len(beside)
        if compared > _MOST_COMPARED:
            raise MalformedError(f"{len(pieces):,} pieces that lie beside each other")
        if any(_meet(each, piece) for each in beside):
            return True
        beside.append(piece)
    return False


def _meet(one: Piece, other: Piece) -> bool:
    sides = zip(one.origin, one.shape, other.origin, other.shape, strict=True)
    return all(max(a, b) < min(a + n, b + m) for a, n, b, m in sides)
