"""What a record may mean: a tensor or array and where its values lie, or what makes one up."""

from __future__ import annotations

from dataclasses import dataclass

from initcli.core.dtypes import DType
from initcli.core.tensor import Shape
from initcli.formats.pytorch.tensors.storages import Storage
from initcli.formats.storage.stretch import Stretch


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: values at regular distances in a storage.

    Attributes:
        storage: Where they lie.
        dtype: What they are.
        first: The first, counted in values.
        shape: How many there are along each dimension.
        strides: The distance along each dimension, in values.
        remark: What the reader of a report should know of it.
    """

    storage: Storage
    dtype: DType
    first: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Bytes that a pickle writes as a text, of which several arrays may be made.

    Attributes:
        text: The text.
        encoding: By which it becomes bytes.
    """

    text: str
    encoding: str


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """An array: values one behind the other.

    Attributes:
        dtype: What they are.
        swapped: Bytes of what is stored big-endian; 1 for nothing.
        shape: How many there are along each dimension.
        is_fortran: Whether the first index runs fastest.
        raw: Where their bytes lie in the pickle; or they themselves, if they are few or are
            written otherwise there.
        remark: What the reader of a report should know of it.
    """

    dtype: DType
    swapped: int
    shape: Shape
    is_fortran: bool
    raw: Stretch | bytes | Encoded
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A tensor whose values the file does not hold as they are.

    Attributes:
        reason: Why not.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A tensor that makes no sense.

    Attributes:
        flaw: What is wrong with it.
    """

    flaw: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands for a tensor, or makes one up.

    Attributes:
        named: Each part, by what is added to the tensor's name; nothing where it is the tensor.
        remark: What the reader of a report should know of it.
    """

    named: tuple[tuple[str, object], ...]
    remark: str = ""


Tensor = View | Array | Absent | Broken
Meaning = Tensor | Parts
