"""Builds what a Hugging Face `config.json` describes, on the meta device and without a network."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from initcli.core.errors import FactoryError, OptionError, UnknownFormatError
from initcli.core.tensor import TensorSpec
from initcli.core.text import did_you_mean, visible
from initcli.formats.config import NAME, read_config_file
from initcli.formats.families import holds_checkpoint
from initcli.schemes.fills import global_generator

if TYPE_CHECKING:
    from torch import nn

_INSTALL = "pip install 'initcli[hf]'"


def saved_specs(model: nn.Module, own: Mapping[str, TensorSpec]) -> dict[str, TensorSpec]:
    """Returns what the library writes of a model, where it saves under other names and shapes.

    Since version 5 experts are one tensor in a module and one each in its files.

    Args:
        model: One of the library's, on the meta device.
        own: The module's own tensors, of whose dtypes those are that are made of them.
    """
    from transformers.core_model_loading import revert_weight_conversion

    usual = next(iter(own.values())).dtype
    saved = revert_weight_conversion(model, model.state_dict())  # type: ignore[arg-type]
    return {
        name: own.get(name) or TensorSpec(name, usual, tuple(each.shape))
        for name, each in saved.items()
    }


def config_of(source: str) -> Path | None:
    """Returns the configuration that a SOURCE names: the file, or its directory without weights."""
    path = Path(source)
    try:
        if path.is_dir():
            config = path / NAME
            names = [entry.name for entry in path.iterdir()]
            return config if config.is_file() and not holds_checkpoint(names) else None
        return path if source.endswith(NAME) and path.is_file() else None
    except (OSError, ValueError):  # such as a name that is too long
        return None


def build_configured(path: Path, seed: int = 0) -> tuple[nn.Module, dict[str, object]]:
    """Builds a model on the meta device, and returns it with what its configuration says.

    No code but that of the installed transformers runs, and nothing is downloaded. Scalars that
    the code writes down, such as CLIP's temperature, keep their values.

    Args:
        path: The configuration.
        seed: For what the model's code draws itself.

    Raises:
        MissingError, MalformedError: The file cannot be read, or is no JSON object.
        UnknownFormatError: It describes no model that transformers knows.
        OptionError: transformers is not installed.
        FactoryError: transformers refuses the configuration, or cannot build on the meta device.
    """
    where = visible(str(path), 300)
    config = read_config_file(path)
    if "model_type" not in config:
        message = "no configuration of a Hugging Face model: it has no model_type"
        raise UnknownFormatError(message, where=where)
    if importlib.util.find_spec("transformers") is None:
        raise OptionError("a config.json needs transformers", where=where, hint=_INSTALL)
    import torch

    with _quiet(where):
        kind = _class_of(config, where)
        parsed = kind.config_class.from_pretrained(path, local_files_only=True)
        torch.manual_seed(seed)
        # Whatever the configuration asks for, tensors are the same, and nothing need be loaded.
        with torch.device("meta"), _written_scalars():
            built: nn.Module = kind._from_config(parsed, attn_implementation="eager")  # noqa: SLF001
    return built, config


def _class_of(config: Mapping[str, object], where: str) -> Any:  # noqa: ANN401 - a class of theirs
    """Returns the class that a configuration is of.

    Raises:
        UnknownFormatError: transformers does not know it.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    name = str(config["model_type"])
    if name not in CONFIG_MAPPING:
        message = f"transformers {_version()} knows no model_type {visible(name, 80)!r}"
        hint = did_you_mean(name, CONFIG_MAPPING.keys()) or _own_code(config)
        raise UnknownFormatError(message, where=where, hint=hint)
    configuration = CONFIG_MAPPING[name]
    architectures = config.get("architectures")
    if isinstance(architectures, list) and architectures:
        return _architecture(str(architectures[0]), configuration, where)
    if configuration not in MODEL_MAPPING:
        message = f"it names no architecture, and {name} has none by default"
        raise UnknownFormatError(message, where=where)
    return MODEL_MAPPING[configuration]


def _architecture(name: str, configuration: type, where: str) -> Any:  # noqa: ANN401 - likewise
    import transformers

    found = getattr(transformers, name, None) if name.isidentifier() else None
    base = transformers.PreTrainedModel
    if not isinstance(found, type) or not issubclass(found, base) or found.config_class is None:
        message = f"transformers {_version()} has no architecture {visible(name, 80)!r}"
        raise UnknownFormatError(message, where=where)
    if not issubclass(configuration, found.config_class):
        message = f"{name} is not built from a {configuration.__name__}"
        raise UnknownFormatError(message, where=where)
    return found


def _own_code(config: Mapping[str, object]) -> str:
    return "its own code (auto_map) is never run" if "auto_map" in config else ""


def _version() -> str:
    import transformers

    return str(transformers.__version__)


@contextlib.contextmanager
def _quiet(where: str) -> Iterator[None]:
    """Runs transformers offline: what it prints is no result, and how it fails is told."""
    from huggingface_hub import constants
    from transformers.utils import logging as spoken

    was_offline, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    verbosity = spoken.get_verbosity()
    spoken.set_verbosity(logging.ERROR)
    try:
        with global_generator(), contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnknownFormatError:
        raise
    except Exception as error:
        told = visible(f"{type(error).__name__}: {error}", 400)
        raise FactoryError(told, where=where) from error
    finally:
        constants.HF_HUB_OFFLINE = was_offline
        spoken.set_verbosity(verbosity)


def _written_scalars() -> contextlib.AbstractContextManager[object]:
    """Keeps what `torch.tensor` makes of a number off the meta device, where it would be lost."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Written(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: object,
            args: tuple[Any, ...] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> object:
            keywords = dict(kwargs or {})
            if func is torch.tensor and args and isinstance(args[0], int | float):
                keywords.setdefault("device", "cpu")
            return func(*args, **keywords)

    return Written()
