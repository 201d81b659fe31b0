"""Pickles a state dict that has no values yet, as `torch.save` pickles one that has.

Nothing is executed and torch is not imported: the few opcodes there are, are written out.
Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/serialization.py (`_save`) and
https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_utils.py (`_rebuild_tensor_v2`, `_v3`)
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping

from initcli.core.dtypes import BYTE, DType
from initcli.core.tensor import Shape, TensorSpec

_PROTOCOL = 2
# Dtypes that PyTorch had before it knew untyped storages are told by the storage's class.
_STORAGES = {
    "BOOL": "BoolStorage",
    "U8": "ByteStorage",
    "I8": "CharStorage",
    "I16": "ShortStorage",
    "I32": "IntStorage",
    "I64": "LongStorage",
    "F16": "HalfStorage",
    "BF16": "BFloat16Storage",
    "F32": "FloatStorage",
    "F64": "DoubleStorage",
    "C64": "ComplexFloatStorage",
    "C128": "ComplexDoubleStorage",
}


def pickled_state_dict(entries: Mapping[str, TensorSpec], keys: Mapping[str, str]) -> bytes:
    """Pickles an `OrderedDict` of contiguous tensors.

    Args:
        entries: Each name of the state dict, in order, and the tensor that is stored for it.
        keys: The storage of each stored tensor, by the tensor's name.
    """
    items = b"".join(
        _plain(name) + _tensor(spec, keys[spec.name]) for name, spec in entries.items()
    )
    return (
        pickle.PROTO
        + bytes([_PROTOCOL])
        + _ordered_dict()
        + pickle.MARK
        + items
        + pickle.SETITEMS
        + pickle.STOP
    )


def _tensor(spec: TensorSpec, key: str) -> bytes:
    shape = torch_shape(spec)
    told = _plain(0) + _plain(shape) + _plain(_strides(shape)) + _plain(obj=False) + _ordered_dict()
    if spec.dtype.code in _STORAGES:
        storage = _global("torch", _STORAGES[spec.dtype.code])
        rebuild, count = "_rebuild_tensor_v2", spec.parameters
    else:
        storage = _global("torch.storage", "UntypedStorage")
        rebuild, count = "_rebuild_tensor_v3", spec.nbytes
        told += _global("torch", spec.dtype.torch)
    reference = _plain("storage") + storage + _plain(key) + _plain("cpu") + _plain(count)
    arguments = _tuple(reference) + pickle.BINPERSID + told
    return _global("torch._utils", rebuild) + _tuple(arguments) + pickle.REDUCE


def cannot_hold(spec: TensorSpec) -> str:
    """Returns why PyTorch has no tensor of these values; empty if it has."""
    if not spec.dtype.torch:
        return f"PyTorch has no dtype for {spec.dtype.code}"
    if spec.dtype.is_packed and (not spec.shape or spec.shape[-1] % _values_a_byte(spec.dtype)):
        return f"PyTorch packs {spec.dtype.code} along the last dimension, which must be even"
    return ""


def torch_shape(spec: TensorSpec) -> Shape:
    """Returns the shape under which PyTorch holds a tensor; of packed values it counts bytes."""
    if not spec.dtype.is_packed:
        return spec.shape
    return (*spec.shape[:-1], spec.shape[-1] // _values_a_byte(spec.dtype))


def _values_a_byte(dtype: DType) -> int:
    return BYTE // dtype.bits


def _strides(shape: Shape) -> Shape:
    strides, stride = list[int](), 1
    for length in reversed(shape):
        strides.append(stride)
        stride *= max(1, length)
    return tuple(reversed(strides))


def _plain(obj: object) -> bytes:
    """Returns the opcodes that build what is no object of PyTorch's."""
    framed = pickle.dumps(obj, _PROTOCOL)
    return framed[2:-1]  # without PROTO and STOP


def _global(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode("ascii")


def _tuple(items: bytes) -> bytes:
    return pickle.MARK + items + pickle.TUPLE


def _ordered_dict() -> bytes:
    return _global("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
