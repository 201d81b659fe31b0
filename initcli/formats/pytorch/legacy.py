"""PyTorch's own file before version 1.6: pickles one behind the other, then storages.

Five pickles tell a magic number, a version, the system, what was saved, and the keys of its
storages; each storage is the number of its values in eight bytes and the values. All of it is
little-endian, whatever the system was.
Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/serialization.py (`_legacy_save`)
and `torch/csrc/serialization.cpp` (`writeFileRaw`)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from initcli.core.errors import MalformedError, TruncatedError
from initcli.core.text import visible
from initcli.formats.pytorch.assembling import Held, assembled
from initcli.formats.pytorch.pickled import Pickled, with_rest
from initcli.formats.pytorch.pickles.records import Persistent, PickleFlawError
from initcli.formats.pytorch.placing import Place, Placing
from initcli.formats.pytorch.tensors.storages import Storage, storage_of
from initcli.formats.storage.checkpoint import OpenedFile
from initcli.formats.storage.extents import AddressSpace

MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_SMALL = 1 << 16
_KEYS = 64 << 20
_COUNT = 8


def read_legacy(pickled: Pickled) -> OpenedFile:
    """Goes on in a file behind its magic number.

    Raises:
        MalformedError, TruncatedError: It breaks a rule of the format, or is cut.
    """
    file, shard, where = pickled.file, pickled.shard, pickled.where
    version, _ = pickled.unpickled(_SMALL)
    if type(version) is not int or version != _VERSION:
        raise MalformedError("a version of PyTorch's format that is not known", where=where)
    pickled.unpickled(_SMALL)  # what system it was: bytes are the same on all
    root, machine = pickled.unpickled()
    keys, _ = pickled.unpickled(_KEYS)
    places, end = _places(file, shard.size, keys, _storages(machine.outside), where)
    placing = Placing(shard.size, places.place_of, AddressSpace(shard.size))
    opened = assembled(Held(shard.path, shard.identity, root, machine, placing))
    return with_rest(opened, shard.size - end, "storage")


def _storages(outside: Iterable[Persistent]) -> dict[str, Storage]:
    """Returns the storages by key, each as it was first spoken of: so it is stored."""
    storages: dict[str, Storage] = {}
    for each in outside:
        try:
            found = storage_of(each)
        except PickleFlawError:
            continue  # a tensor that needs it will be refused
        if found:
            storages.setdefault(found.key, found)
    return storages


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each storage begins, and its bytes, by key."""

    whole: Mapping[str, Place]

    def place_of(self, storage: Storage) -> Place:
        """Returns where a storage lies; see `Placing`."""
        found = self.whole.get(storage.key)
        if found is None:
            raise PickleFlawError(f"its storage {visible(storage.key, 40)} is not in the file")
        begin, held = found
        if storage.whole * storage.dtype.itemsize != held:
            raise PickleFlawError(f"its storage of {held:,} bytes is another size elsewhere")
        return storage.part_of(begin)


def _places(
    file: BinaryIO, size: int, keys: object, storages: Mapping[str, Storage], where: str
) -> tuple[_Places, int]:
    """Returns where storages lie, which follow each other in the order of the keys, and the end."""
    places: dict[str, Place] = {}
    at = file.tell()
    for key in keys if isinstance(keys, list) else ():
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or key in places:
            message = "a storage that no tensor speaks of, or two of one key"
            raise MalformedError(message, where=where)
        file.seek(at)
        count = int.from_bytes(file.read(_COUNT), "little")
        begin, held = at + _COUNT, storage.whole * storage.dtype.itemsize
        if count != storage.whole:
            flaw = f"a storage of {storage.whole:,} values that says it has {count:,}"
            raise MalformedError(flaw, where=f"{where}, byte {at:,}")
        if begin + held > size:
            hint = "fetch or copy the file again"
            raise TruncatedError("the file ends inside a storage", where=where, hint=hint)
        places[key] = begin, held
        at = begin + held
    return _Places(places), at
