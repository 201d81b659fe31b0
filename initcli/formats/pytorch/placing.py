"""Gives the tensors that a pickle describes their places in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from initcli.core.dtypes import BYTE, Kind
from initcli.core.tensor import Shape, TensorSpec
from initcli.formats.making.literal import Literal
from initcli.formats.making.strided import Strided, strides_of
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.pytorch.tensors.meanings import Array, Encoded, View
from initcli.formats.pytorch.tensors.storages import Storage
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.stretch import Stretch

_LARGEST = 2**63
# What views may take beyond the storage they repeat, all together, in any file.
_REPEATED = 256 << 20

Place = tuple[int, int]
"""The address of a storage, and its bytes."""


class RepeatedError(PickleFlawError):
    """A tensor repeats its storage beyond reason."""


@dataclass
class Placing:
    """Places tensors one by one.

    Args:
        size: The file's bytes.
        place_of: Returns where a storage lies, or raises what is wrong with it.
        space: What lies behind the file's last byte.
        is_swapped: Whether storages are big-endian.
        pickle_at: The address of the pickle's first byte.
    """

    size: int
    place_of: Callable[[Storage], Place]
    space: AddressSpace
    is_swapped: bool = False
    pickle_at: int = 0

    def __post_init__(self) -> None:
        self._made: dict[Strided, int] = {}
        self._held: dict[int, Place] = {}
        self._kept: list[str | bytes] = []  # so that no other gets its identity
        self._repeated = max(self.size, _REPEATED)

    def place(self, name: str, found: View | Array) -> tuple[TensorSpec, int]:
        """Returns a tensor and its address.

        Raises:
            PickleFlawError: It reaches beyond its storage.
            RepeatedError: It repeats its storage beyond reason.
        """
        place = self._place_array if isinstance(found, Array) else self._place_view
        return place(name, found)  # type: ignore[arg-type]

    def _place_array(self, name: str, array: Array) -> tuple[TensorSpec, int]:
        spec = TensorSpec(name, array.dtype, array.shape)
        base, size = self._base(array.raw)
        if size != spec.nbytes:
            flaw = f"a NumPy array of {size:,} bytes, which is not what its shape takes"
            raise PickleFlawError(flaw)
        itemsize = array.dtype.itemsize
        if array.swapped == 1 and not (array.is_fortran and spec.is_matrix):
            return spec, base
        strides = strides_of(array.shape, itemsize, is_fortran=array.is_fortran)
        strided = Strided(base, itemsize, array.shape, strides, array.swapped)
        return spec, self._make(strided, spec.nbytes)

    def _base(self, raw: Stretch | bytes | Encoded) -> Place:
        """Returns where the values of an array lie, in the pickle or behind the file."""
        if isinstance(raw, Stretch):
            return self.pickle_at + raw.begin, raw.size
        held = raw.text if isinstance(raw, Encoded) else raw
        if id(held) not in self._held:
            literal = _encoded(raw) if isinstance(raw, Encoded) else raw
            self._held[id(held)] = self.space.place(len(literal), Literal(literal)), len(literal)
            self._kept.append(held)
        return self._held[id(held)]

    def _place_view(self, name: str, view: View) -> tuple[TensorSpec, int]:
        base, held = self.place_of(view.storage)
        strided = self._strided(view, base)
        if strided.span and strided.base + strided.span > base + held:
            raise PickleFlawError("reaches beyond its storage")
        spec = TensorSpec(name, view.dtype, _logical(view))
        if strided.swapped == 1 and _is_contiguous(view):
            return spec, strided.base
        return spec, self._make(strided, held)

    def _strided(self, view: View, base: int) -> Strided:
        itemsize = max(1, view.dtype.itemsize)
        parts = 2 if view.dtype.kind is Kind.COMPLEX else 1
        swapped = itemsize // parts if self.is_swapped else 1
        strides = tuple(stride * itemsize for stride in view.strides)
        first = view.first * itemsize if 0 not in view.shape else 0
        return Strided(base + first, itemsize, view.shape, strides, swapped)

    def _make(self, strided: Strided, held: int) -> int:
        """Places what is made once, however many names it has.

        A small storage may be viewed as a huge tensor, by strides of zero or by overlaps.
        """
        if strided not in self._made:
            size = _size(strided)
            self._repeated -= max(0, size - held)
            if self._repeated < 0:
                raise RepeatedError(f"views {held:,} bytes of storage as {size:,}")
            self._made[strided] = self.space.place(size, strided)
        return self._made[strided]


def _encoded(raw: Encoded) -> bytes:
    try:
        errors = "surrogatepass" if raw.encoding == "utf-8" else "strict"
        return raw.text.encode(raw.encoding, errors)
    except UnicodeEncodeError as error:
        raise PickleFlawError("a NumPy array whose values are no bytes") from error


def _size(strided: Strided) -> int:
    """Returns the bytes of a tensor, and stops where they are more than any file has."""
    size = 0 if 0 in strided.shape else strided.itemsize
    for length in strided.shape if size else ():
        size *= length
        if size > _LARGEST:
            raise PickleFlawError("the shape's product overflows")
    return size


def _is_contiguous(view: View) -> bool:
    expected = 1
    for length, stride in zip(reversed(view.shape), reversed(view.strides), strict=True):
        if length > 1 and stride != expected:
            return 0 in view.shape
        expected *= length
    return True


def _logical(view: View) -> Shape:
    """Returns the shape in values: PyTorch counts bytes where several share one."""
    if not view.dtype.is_packed:
        return view.shape
    if not view.shape:
        raise PickleFlawError("packed values without a dimension")
    return (*view.shape[:-1], view.shape[-1] * (BYTE // view.dtype.bits))
