"""What records mean that describe NumPy arrays, whose values a pickle holds itself.

Source: https://github.com/numpy/numpy/blob/v2.4.0/numpy/_core/src/multiarray/methods.c
(`array_reduce`, `array_setstate`) and `descriptor.c` (`arraydescr_reduce`)
"""

from __future__ import annotations

from collections.abc import Callable

from initcli.core.errors import MalformedError
from initcli.core.tensor import bits_of
from initcli.formats.npy.dtypes import stored_dtype
from initcli.formats.pytorch.pickles.records import Call, Global, PickleFlawError
from initcli.formats.pytorch.tensors.meanings import Absent, Array, Encoded, Parts
from initcli.formats.pytorch.tensors.storages import natural
from initcli.formats.storage.stretch import Stretch

_MODULES = ("numpy.core", "numpy._core")
_STATE = 5
_BUFFER = 4
_ORDERS = {"<", ">", "|", "="}
_MOST_DIMENSIONS = 64


def array_of(record: Call) -> Array | Absent | Parts | None:
    """Returns the array that a record describes; None if it is of something else.

    Raises:
        PickleFlawError: It is of an array, and makes no sense.
    """
    describe = _DESCRIBED.get(record.name)
    return describe(record) if describe else None


def _reconstructed(record: Call) -> Array | Absent | Parts:
    """An array that is made empty, and given its values as a state."""
    state = record.state
    if not isinstance(state, tuple) or len(state) != _STATE:
        raise PickleFlawError("a NumPy array without its state")
    _, shape, dtype, is_fortran, values = state
    if isinstance(values, list):
        return Parts((("", values),))  # of Python objects, among which there may be tensors
    return _array(values, dtype, shape, is_fortran=is_fortran is True)


def _from_buffer(record: Call) -> Array | Absent:
    """An array as protocol 5 pickles it."""
    arguments = record.arguments
    if not isinstance(arguments, tuple) or len(arguments) != _BUFFER:
        raise PickleFlawError(f"{record.name} with other arguments than it takes")
    values, dtype, shape, order = arguments
    return _array(values, dtype, shape, is_fortran=order == "F")


def _masked(_: Call) -> Absent:
    return Absent("a masked NumPy array")


_DESCRIBED: dict[str, Callable[[Call], Array | Absent | Parts]] = {
    **{f"{module}.multiarray._reconstruct": _reconstructed for module in _MODULES},
    "numpy.ma.core._mareconstruct": _masked,
    **{f"{module}.numeric._frombuffer": _from_buffer for module in _MODULES},
}
ARRAYS = frozenset(_DESCRIBED)
"""The names of what would rebuild an array."""


def _array(values: object, dtype: object, shape: object, *, is_fortran: bool) -> Array | Absent:
    descr = _descr(dtype)
    if descr is None:
        return Absent("a NumPy array of a dtype that is not known")
    try:
        stored, swapped = stored_dtype(descr, "")
    except MalformedError as error:
        return Absent(f"a NumPy array: {error.message}")
    if not isinstance(shape, tuple) or len(shape) > _MOST_DIMENSIONS:
        raise PickleFlawError("a NumPy array of a shape that is none")
    lengths = tuple(map(natural, shape))
    if bits_of(lengths, stored.bits) is None:
        raise PickleFlawError("the shape's product overflows")
    return Array(stored, swapped, lengths, is_fortran, _raw(values))


def _descr(dtype: object) -> str | None:
    """Returns a dtype as NumPy writes it, such as `<f4`."""
    if not isinstance(dtype, Call) or dtype.name != "numpy.dtype":
        return None
    arguments, state = dtype.arguments, dtype.state
    code = arguments[0] if isinstance(arguments, tuple) and arguments else None
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
    if not isinstance(code, str) or order not in _ORDERS:
        return None
    return f"{'<' if order == '=' else order}{code}"


def _raw(values: object) -> Stretch | bytes | Encoded:
    """Returns the bytes of values, as any of the protocols writes them."""
    match values:
        case Stretch() | bytes():
            return values
        case str():  # as Python 2 wrote bytes that happen to be a text
            return Encoded(values, "utf-8")
        case Call(function=Global(), arguments=(str(text), str(encoding))) if (
            values.name == "_codecs.encode" and encoding in {"latin1", "latin-1"}
        ):
            return Encoded(text, "latin-1")
        case Call(arguments=()) if values.name in {"builtins.bytes", "__builtin__.bytes"}:
            return b""
    raise PickleFlawError("a NumPy array whose values are no bytes")
