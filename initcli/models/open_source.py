"""Turns what the user typed as SOURCE into a source."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from initcli.core.dtypes import DType
from initcli.core.errors import FactoryError, OptionError
from initcli.core.text import visible
from initcli.formats.detect import open_checkpoint
from initcli.models.factory import build_module, is_factory
from initcli.models.hub import build_configured, config_of, saved_specs
from initcli.models.source import CheckpointSource, Source

if TYPE_CHECKING:
    from torch import nn

_FACTORY = "a factory is written path/to/file.py:name"


def open_source(
    text: str, arguments: Sequence[str], *, seed: int, dtype: DType | None, values: bool
) -> Source:
    """Opens a checkpoint, or builds a model by its factory or its configuration.

    Args:
        text: A checkpoint's path, `path/to/file.py:factory`, a Hugging Face `config.json`, or
            a directory with one and no weights.
        arguments: For the factory, `name=value` each.
        seed: For what the factory draws itself.
        dtype: What a module's floating-point tensors are stored in; None for their own.
        values: Whether a module's values will be asked for; shapes alone need no memory.

    Raises:
        InitcliError: The source cannot be opened.
    """
    if not is_factory(text):
        if arguments:
            message = "--arg is for a factory, and this source is none"
            raise OptionError(message, hint=_FACTORY)
        if text.endswith(".py"):
            raise OptionError(
                "a Python file without a factory", hint=f"{_FACTORY}, such as {text}:build"
            )
        config = config_of(text)
        if config is not None:
            return _configured(text, config, seed=seed, dtype=dtype)
        return CheckpointSource(open_checkpoint(text))
    from initcli.models.module_source import module_source

    return module_source(text, _built(text, arguments, seed=seed, values=values), dtype)


def _built(text: str, arguments: Sequence[str], *, seed: int, values: bool) -> nn.Module:
    """Builds without memory if values are not asked for, unless the factory needs them itself."""
    if not values:
        with contextlib.suppress(FactoryError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as that loading into the meta device is idle
            return build_module(text, arguments, seed=seed, device="meta")
    return build_module(text, arguments, seed=seed)


def _configured(text: str, config: Path, *, seed: int, dtype: DType | None) -> Source:
    from initcli.models.materialise import materialise
    from initcli.models.module_source import module_source

    model, said = build_configured(config, seed)
    remade = partial(materialise, model, seed=seed)
    source = module_source(text, model, dtype)
    saved = partial(saved_specs, model, source.specs)
    return replace(source, config=said, remade=remade, saved=saved)


def open_model(text: str, arguments: Sequence[str]) -> Source:
    """Opens the model that a checkpoint is of: its names, shapes, ties and layers, without values.

    Args:
        text: `path/to/file.py:factory`, or a Hugging Face `config.json` or its directory.
        arguments: For the factory, `name=value` each.

    Raises:
        InitcliError: The model cannot be built.
    """
    source = open_source(text, arguments, seed=0, dtype=None, values=False)
    if source.checkpoint is not None:
        hint = "a factory, file.py:name, or a config.json that lies apart from weights"
        raise OptionError("a checkpoint is no model", where=visible(text, 300), hint=hint)
    return source
