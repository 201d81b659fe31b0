"""`initcli schema`: the JSON Schema of the document that a command prints."""

from __future__ import annotations

from typing import Any

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean
from initcli.reports.documents import DOCUMENTS
from initcli.reports.schema import document_schema


def schema(name: str) -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of a JSON document.

    Args:
        name: `stats`, `compare`, `init`, or what looks something up: `schemes`, `scheme` for one
            of them in full, and likewise `gains`, `gain`, `recipes` and `recipe`.

    Raises:
        OptionError: No document has that name.
    """
    if name not in DOCUMENTS:
        hint = did_you_mean(name, DOCUMENTS) or f"one of {', '.join(DOCUMENTS)}"
        raise OptionError(f"no document is called {name!r}", hint=hint)
    return document_schema(*DOCUMENTS[name])
