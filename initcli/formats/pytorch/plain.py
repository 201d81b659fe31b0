"""A pickle of NumPy arrays, as `pickle.dump` writes it; and what PyTorch's own begins with.

Model zoos keep weights so, such as those of Detectron2.
"""

from __future__ import annotations

from typing import NoReturn

from initcli.core.errors import UnknownFormatError
from initcli.formats.peek import Peek
from initcli.formats.pytorch.assembling import Held, assembled
from initcli.formats.pytorch.legacy import MAGIC, read_legacy
from initcli.formats.pytorch.pickled import Pickled, with_rest
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.pytorch.placing import Placing
from initcli.formats.pytorch.tensors.storages import Storage
from initcli.formats.storage.checkpoint import OpenedFile
from initcli.formats.storage.extents import AddressSpace


def read_pickle(peek: Peek) -> OpenedFile:
    """Opens a file that begins with a pickle.

    Raises:
        MissingError: The file cannot be opened.
        UnknownFormatError: It holds neither tensors nor arrays that can be read.
        MalformedError, TruncatedError: It breaks a rule of its format, or is cut.
    """
    with peek.opened() as (file, shard):
        pickled = Pickled(file, shard, peek.where)
        root, machine = pickled.unpickled()
        if type(root) is int and root == MAGIC:
            return read_legacy(pickled)
        left = shard.size - file.tell()
    placing = Placing(shard.size, _no_storage, AddressSpace(shard.size))
    opened = assembled(Held(shard.path, shard.identity, root, machine, placing))
    if not (opened.tensors or opened.optimizer):
        what = next(iter(opened.unread.values()), "and neither tensors nor arrays in it")
        hint = "torch.save the tensors, or write them as safetensors"
        raise UnknownFormatError(f"a pickle, {what}", where=peek.where, hint=hint)
    return with_rest(opened, left, "value")


def _no_storage(_: Storage) -> NoReturn:
    raise PickleFlawError("its storage is not in the pickle")
