"""The columns of reports on checkpoints in a row."""

from __future__ import annotations

from initcli.reports.table import Column, Form

COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("within", Form.TEXT, 70),
    Column("shape", Form.SHAPE, 80),
    Column("dtype", Form.TEXT, 78),
    Column("checkpoints", Form.COUNT, 79),
    Column("absent", Form.COUNT, 97, is_urgent=True),
    Column("changes", Form.COUNT, 90),
    Column("drift", Form.NUMBER, 96),
    Column("cosine", Form.NUMBER, 93),
    Column("drift_max", Form.NUMBER, 86),
    Column("drift_max_at", Form.TEXT, 85),
    Column("step_max", Form.NUMBER, 92),
    Column("step_max_at", Form.TEXT, 91),
    Column("path", Form.NUMBER, 88),
    Column("straightness", Form.NUMBER, 87),
    Column("incomparable", Form.COUNT, 95, is_urgent=True),
    Column("parameters", Form.COUNT, 50, is_default=False),
)
MATRIX_KEYS = ("norms", "distances", "steps", "cosines")
"""What a row holds of each checkpoint, for machines."""

STEP_COLUMNS = (
    Column("checkpoint", Form.TEXT, 100),
    Column("within", Form.TEXT, 70),
    Column("tensors", Form.COUNT, 80),
    Column("absent", Form.COUNT, 97, is_urgent=True),
    Column("changed", Form.COUNT, 90),
    Column("drift", Form.NUMBER, 96),
    Column("cosine", Form.NUMBER, 93),
    Column("step", Form.NUMBER, 92),
    Column("incomparable", Form.COUNT, 95, is_urgent=True),
)
