"""What records mean that describe tensors, known by the names of what would rebuild them.

Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_utils.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from initcli.core.dtypes import DTYPES, FOREIGN, DType
from initcli.core.text import visible
from initcli.formats.pytorch.pickles.records import (
    Call,
    Global,
    Persistent,
    PickleFlawError,
    pairs_of,
    states_of,
)
from initcli.formats.pytorch.tensors.arrays import array_of
from initcli.formats.pytorch.tensors.meanings import Absent, Meaning, Parts, View
from initcli.formats.pytorch.tensors.storages import natural, storage_of

NAMED_DTYPES = {
    dtype.torch: dtype for dtype in (*DTYPES.values(), *FOREIGN.values()) if dtype.torch
}
_MOST_ARGUMENTS = 16
_MOST_DIMENSIONS = 64  # what PyTorch can do arithmetic on
# What a tensor's storage becomes where Python's own pickle writes it.
_NESTED = "torch.storage._load_from_bytes"
SHARD = "the local shard of a distributed tensor"
INTEGERS = "quantised, and shown as the integers that are stored"


class _NestedError(Exception):
    """A storage is a file within the pickle."""


def meaning(record: Call | Persistent) -> Meaning | None:
    """Returns what a record says of a tensor; None if it is of something else.

    Raises:
        PickleFlawError: It is of a tensor, and makes no sense.
    """
    if isinstance(record, Persistent):
        storage = storage_of(record)
        return View(storage, storage.dtype, 0, (storage.count,), (1,)) if storage else None
    rebuild = REBUILD.get(record.name)
    if rebuild is None:
        return array_of(record)
    arguments = record.arguments
    if not isinstance(arguments, tuple) or len(arguments) > _MOST_ARGUMENTS:
        raise PickleFlawError(f"{record.name} with other arguments than it takes")
    try:
        return rebuild(*arguments)
    except _NestedError:
        return Absent("its tensors pickled by Python and not saved by PyTorch")
    except (TypeError, ValueError) as error:  # too few or too many
        raise PickleFlawError(f"{record.name} with other arguments than it takes") from error


def naturals(value: object) -> tuple[int, ...]:
    """Returns a shape or strides, which may be wrapped in a `torch.Size`."""
    if isinstance(value, Call) and value.name == "torch.Size":
        (value,) = value.arguments if isinstance(value.arguments, tuple) else ()
    if not isinstance(value, tuple | list) or len(value) > _MOST_DIMENSIONS:
        raise PickleFlawError("a shape that is none")
    return tuple(map(natural, value))


def _view(
    storage: object, first: object, shape: object, strides: object, dtype: DType | None = None
) -> View:
    held = storage_of(storage)
    if held is None:
        if isinstance(storage, Call) and storage.name == _NESTED:
            raise _NestedError
        raise PickleFlawError("a tensor without a storage")
    sizes, steps = naturals(shape), naturals(strides)
    if len(sizes) != len(steps):
        raise PickleFlawError("a shape of other dimensions than its strides")
    return View(held, dtype or held.dtype, natural(first), sizes, steps)


def _tensor_1(storage: object, first: object, shape: object, strides: object) -> View:
    return _view(storage, first, shape, strides)


def _tensor_2(*told: object) -> View | Absent:
    storage, first, shape, strides, _requires_grad, _hooks, *more = told
    return _unless_lazy(_view(storage, first, shape, strides), *more)


def _tensor_3(*told: object) -> View | Absent:
    storage, first, shape, strides, _requires_grad, _hooks, dtype, *more = told
    known = NAMED_DTYPES.get(dtype.name) if isinstance(dtype, Global) else None
    if known is None:
        return Absent(f"of the dtype {visible(str(dtype), 60)}, which is not known")
    return _unless_lazy(_view(storage, first, shape, strides, known), *more)


def _unless_lazy(view: View, metadata: object = None) -> View | Absent:
    """Tells apart a tensor that PyTorch would conjugate or negate when it is used."""
    told = pairs_of(metadata)
    is_lazy = told is not None and any(told.get(key) for key in ("conj", "neg"))
    return Absent("to be conjugated or negated when it is used") if is_lazy else view


def _parameter(data: object, _grad: object, _hooks: object, state: object = None) -> Parts:
    return Parts((("", data), ("", state)))


def _quantised(*told: object) -> View | Parts:
    """What is stored are integers; and, where each channel has its own, scales and zeros."""
    storage, first, shape, strides, quantiser, *_ = told
    _, *scales = quantiser if isinstance(quantiser, tuple) and quantiser else (None,)
    beside = zip(("scales", "zero_points"), scales, strict=False)
    if named := tuple((name, each) for name, each in beside if isinstance(each, Call)):
        alone = Call(Global("torch._utils", "_rebuild_qtensor"), (*told[:4], None))
        return Parts((("", alone), *named))
    return replace(_view(storage, first, shape, strides), remark=INTEGERS)


_SPARSE = {
    "torch.sparse_coo": ("indices", "values"),
    "torch.sparse_csr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_bsr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_csc": ("ccol_indices", "row_indices", "values"),
    "torch.sparse_bsc": ("ccol_indices", "row_indices", "values"),
}


def _sparse(layout: object, parts: object) -> Parts:
    told = layout.arguments if isinstance(layout, Call) else layout
    name = told[0] if isinstance(told, tuple) and told else str(told)
    names = _SPARSE.get(name, ()) if isinstance(name, str) else ()
    if not names or not isinstance(parts, tuple | list) or len(parts) < len(names):
        raise PickleFlawError("a sparse tensor that makes no sense")
    return Parts(tuple(zip(names, parts, strict=False)))


def _typed(rebuild: object, _kind: object, arguments: object, state: object) -> Parts:
    """What has a class or attributes of its own: a distributed tensor is its local one."""
    inner = Call(rebuild, arguments)
    if inner.name != "torch._utils._rebuild_wrapper_subclass":
        return Parts((("", inner), ("", state)))
    attributes = [pairs for each in states_of(state) if (pairs := pairs_of(each))]
    local = [each for pairs in attributes if (each := pairs.get("_local_tensor")) is not None]
    return Parts((("", local[0]),), SHARD) if local else Parts((("", state),))


def _without_storage(_dtype: object, *_: object) -> Absent:
    return Absent("on the meta device, without values")


REBUILD: dict[str, Callable[..., Meaning]] = {
    "torch._utils._rebuild_tensor": _tensor_1,
    "torch._utils._rebuild_tensor_v2": _tensor_2,
    "torch._utils._rebuild_tensor_v3": _tensor_3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_qtensor": _quantised,
    "torch._utils._rebuild_sparse_tensor": _sparse,
    "torch._utils._rebuild_meta_tensor_no_storage": _without_storage,
    "torch._tensor._rebuild_from_type_v2": _typed,
}
