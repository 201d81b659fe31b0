"""Turns what the user typed as SOURCE into a source."""

from __future__ import annotations

from collections.abc import Sequence

from initcli.core.dtypes import DType
from initcli.core.errors import OptionError
from initcli.formats.detect import open_checkpoint
from initcli.models.factory import build_module, is_factory
from initcli.models.source import CheckpointSource, Source

_FACTORY = "a factory is written path/to/file.py:name"


def open_source(
    text: str, arguments: Sequence[str], *, seed: int, dtype: DType | None, values: bool
) -> Source:
    """Opens a checkpoint, or builds a model by its factory.

    Args:
        text: A checkpoint's path, or `path/to/file.py:factory`.
        arguments: For the factory, `name=value` each.
        seed: For what the factory draws itself.
        dtype: What a module's floating-point tensors are stored in; None for their own.
        values: Whether a module's values will be asked for; shapes alone need no memory.

    Raises:
        InitcliError: The source cannot be opened.
    """
    if not is_factory(text):
        if arguments:
            message = "--arg is for a factory, and this source is a checkpoint"
            raise OptionError(message, hint=_FACTORY)
        if text.endswith(".py"):
            raise OptionError(
                "a Python file without a factory", hint=f"{_FACTORY}, such as {text}:build"
            )
        return CheckpointSource(open_checkpoint(text))
    from initcli.models.module_source import module_source

    module = build_module(text, arguments, seed=seed, device="cpu" if values else "meta")
    return module_source(text, module, dtype)
