"""What an optimizer's state is called, which is shown on request only."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?i)(?:optim|optimizers?)(?:_?(?:states?|weights))?(?:_?dicts?)?")


def is_optimizer(name: str) -> bool:
    """Whether training scripts and libraries call an optimizer's state so.

    >>> is_optimizer("optimizer_state_dict"), is_optimizer("optimum")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None
