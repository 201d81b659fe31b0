"""Goes through the groups of an HDF5 file, and finds the datasets by all their names.

Links are followed within the file; none to another file is. Names of one dataset have one address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from initcli.core.errors import InitcliError, MalformedError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.hdf5.dataset import Room, placed
from initcli.formats.storage.defect import Tell, unreadable
from initcli.formats.storage.unread import UnreadError

_MOST_LINKS = 100_000
_LONGEST_NAME = 4096
_MOST_FOLLOWED = 20
# Whatever the library raises of a file that it cannot make sense of.
_FAILURES = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
)

Identity = tuple[int, int]
"""By what an object of a file is known, whatever it is called."""
Placed = tuple[TensorSpec, int]
"""A tensor, and the address at which it begins."""


class Walk:
    """A walk through a file.

    Args:
        room: The file.
        where: It, as messages name it.
        tell: Told of every dataset that is broken.
    """

    def __init__(self, room: Room, where: str, tell: Tell) -> None:
        self.unread: dict[str, str] = {}
        self._room = room
        self._where = where
        self._tell = tell
        self._links = 0
        self._placed: dict[Identity, Placed] = {}

    def datasets(self, file: BinaryIO) -> list[Placed]:
        """Returns every dataset that is sound, under each of its names; its own come first.

        Raises:
            MalformedError: The library cannot make sense of the file.
        """
        import h5py

        found: dict[bool, list[Placed]] = {False: [], True: []}
        try:
            with h5py.File(file, "r") as root:
                for name, dataset, is_soft in self._below(root):
                    found[is_soft].extend(self._sound(name, dataset))
        except _FAILURES as error:
            raise self._unreadable(error, self._where) from error
        return found[False] + found[True]

    def _sound(self, name: str, dataset: Any) -> Iterator[Placed]:  # noqa: ANN401 - h5py has no types
        where = f"{self._where}, dataset {visible(name, 80)}"
        try:
            known = _identity(dataset)
            if known not in self._placed:
                self._placed[known] = placed(dataset, name, self._room, where)
            spec, address = self._placed[known]
            yield replace(spec, name=name), address
        except UnreadError as error:
            self.unread[name] = error.message
        except InitcliError as error:
            self._fail(name, error)
        except _FAILURES as error:
            self._fail(name, self._unreadable(error, where))

    def _fail(self, name: str, error: InitcliError) -> None:
        self._tell(unreadable(name, error))

    @staticmethod
    def _unreadable(error: Exception, where: str) -> MalformedError:
        message = f"the HDF5 library cannot read it: {visible(str(error), 120)}"
        return MalformedError(message, where=where)

    def _below(self, root: Any) -> Iterator[tuple[str, Any, bool]]:  # noqa: ANN401 - likewise
        """Yields datasets by name, and whether a symbolic link is part of it.

        A group is not entered again from below itself.
        """
        import h5py

        waiting = [("", root, False, frozenset({_identity(root)}))]
        while waiting:
            prefix, group, is_below_soft, above = waiting.pop()
            for name in group:
                full = self._counted(f"{prefix}{name}")
                item = _followed(root, group, name, _MOST_FOLLOWED)
                is_soft = is_below_soft or _is_soft(group, name)
                if isinstance(item, h5py.Dataset):
                    yield full, item, is_soft
                elif isinstance(item, h5py.Group) and _identity(item) not in above:
                    waiting.append((f"{full}/", item, is_soft, above | {_identity(item)}))
                elif item is None:
                    self.unread[full] = "it is a link that leads nowhere in this file"

    def _counted(self, name: str) -> str:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise MalformedError(f"more than {_MOST_LINKS:,} links", where=self._where)
        if len(name) > _LONGEST_NAME:
            message = f"a name of more than {_LONGEST_NAME:,} characters, with those of its groups"
            raise MalformedError(message, where=self._where)
        return name


def _followed(root: Any, group: Any, path: str, left: int) -> Any:  # noqa: ANN401 - likewise
    """Returns what a path leads to; None if it leads out of the file, nowhere, or in a circle."""
    import h5py

    at = root if path.startswith("/") else group
    for part in filter(None, path.split("/")):
        link = at.get(part, getlink=True) if isinstance(at, h5py.Group) else None
        if isinstance(link, h5py.HardLink):
            at = at[part]
        elif isinstance(link, h5py.SoftLink) and left:
            at = _followed(root, at, link.path, left - 1)
        else:
            return None
    return at


def _is_soft(group: Any, name: str) -> bool:  # noqa: ANN401 - likewise
    import h5py

    return isinstance(group.get(name, getlink=True), h5py.SoftLink)


def _identity(item: Any) -> Identity:  # noqa: ANN401 - likewise
    import h5py

    info = h5py.h5o.get_info(item.id)
    return info.fileno, info.addr
