"""`compare --by` pools distances as if tensors were one, and shows where training happened."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import initcli
from initcli.core.errors import OptionError
from initcli.recipes.places import layers_by_name, roles_by_name
from initcli.reports.compare_groups import GroupRow
from initcli.reports.compare_status import Training

RNG = np.random.default_rng(11)
Tensors = dict[str, NDArray[np.float32]]
NAMES = [f"h.{block}.{part}" for block in range(3) for part in ("q.weight", "up.weight")]


def base() -> Tensors:
    shapes = dict.fromkeys(NAMES, (24, 16)) | {"wte.weight": (50, 16), "ln.weight": (16,)}
    return {name: RNG.normal(0, 0.02, shape).astype(np.float32) for name, shape in shapes.items()}


def tuned(tensors: Tensors) -> Tensors:
    """Tunes block 1 lightly and all `up` further, draws block 2's `q` anew."""

    def moved(name: str, size: float) -> NDArray[np.float32]:
        noise = RNG.normal(0, 0.02, tensors[name].shape)
        return (tensors[name] + size * noise).astype(np.float32)

    return tensors | {
        "h.1.q.weight": moved("h.1.q.weight", 0.01),
        "h.1.up.weight": moved("h.1.up.weight", 0.02),
        "h.2.q.weight": RNG.normal(0, 0.02, (24, 16)).astype(np.float32),
        "h.2.up.weight": moved("h.2.up.weight", 0.3),
    }


@pytest.fixture
def sides() -> tuple[Tensors, Tensors]:
    tensors = base()
    return tensors, tuned(tensors)


def saved(tmp_path: Path, sides: tuple[Tensors, Tensors]) -> tuple[Path, Path]:
    for name, tensors in zip("ab", sides, strict=True):
        save_file(tensors, tmp_path / f"{name}.safetensors")
    return tmp_path / "a.safetensors", tmp_path / "b.safetensors"


def grouped(paths: tuple[Path, Path], by: str) -> dict[str, GroupRow]:
    return {row.name: row for row in initcli.compare(*paths, by=by).table.rows}


def test_layers_are_blocks_or_else_modules() -> None:
    names = [*NAMES[:2], "wte.weight", "ln.weight", "scale", "encoder.layer.12.a.3.weight"]
    assert set(layers_by_name(names).values()) == {
        "h.0",
        "wte",
        "ln",
        "(top)",
        "encoder.layer.12",
    }
    wrapped = layers_by_name(["0.model.h.4.weight", "0.model.h.5.weight"])
    assert list(wrapped.values()) == ["0.model.h.4", "0.model.h.5"]


def test_roles_are_names_but_for_numbers() -> None:
    names = ["h.0.q.weight", "h.11.q.weight", "h.0.experts.3.w1", "fc1.weight", "2"]
    assert list(roles_by_name(names).values()) == [
        "h.*.q.weight",
        "h.*.q.weight",
        "h.*.experts.*.w1",
        "fc1.weight",
        "*",
    ]


@pytest.mark.parametrize(("by", "count"), [("layer", 5), ("role", 4)])
def test_groups_are_as_far_apart_as_their_values_together(
    tmp_path: Path, sides: tuple[Tensors, Tensors], by: str, count: int
) -> None:
    keys = (layers_by_name if by == "layer" else roles_by_name)(sides[0])
    rows = grouped(saved(tmp_path, sides), by)
    assert len(rows) == count
    for group, row in rows.items():
        members = [name for name, key in keys.items() if key == group]
        a, b = (
            np.concatenate([side[name].ravel() for name in members]).astype(np.float64)
            for side in sides
        )
        norm = np.linalg.norm
        assert (row.tensors, row.parameters, row.uncompared) == (len(members), a.size, 0)
        assert row.changed == (a != b).mean()
        assert row.sign_flips == (a * b < 0).sum()
        assert row.max_abs == np.abs(a - b).max()
        assert row.mean_abs == pytest.approx(np.abs(a - b).mean(), rel=1e-12)
        assert row.relative == pytest.approx(norm(a - b) / norm(a), rel=1e-12)
        assert row.cosine == pytest.approx(a @ b / norm(a) / norm(b), rel=1e-12)
        assert row.within == ("yes" if (a == b).all() else "no")


def test_where_training_happened(tmp_path: Path, sides: tuple[Tensors, Tensors]) -> None:
    paths = saved(tmp_path, sides)
    layers = {name: row.training for name, row in grouped(paths, "layer").items()}
    assert layers == {
        "h.0": Training.FROZEN,
        "h.1": Training.LIGHT,
        "h.2": Training.REWRITTEN,
        "ln": Training.FROZEN,
        "wte": Training.FROZEN,
    }
    report = initcli.compare(*paths, by="layer", only_changed=True)
    assert [row.name for row in report.table.rows] == ["h.1", "h.2"]
    assert len(report.rows) == 8
    (first, *_) = initcli.compare(*paths, by="layer", sort="relative", top=1).table.rows
    assert first.name == "h.2"


def test_what_has_no_counterpart_is_counted(tmp_path: Path, sides: tuple[Tensors, Tensors]) -> None:
    before, after = sides
    del after["h.0.q.weight"]
    after["h.1.q.weight"] = after["h.1.q.weight"][:3].copy()
    rows = grouped(saved(tmp_path, (before, after)), "role")
    row = rows["h.*.q.weight"]
    assert (row.tensors, row.uncompared, row.parameters, row.within) == (3, 2, 24 * 16, "no")
    assert row.training == Training.REWRITTEN
    assert rows["wte.weight"].uncompared == 0
    lone = grouped(saved(tmp_path, (before, {"other": before["ln.weight"]})), "layer")
    assert {row.training for row in lone.values()} == {None}


def test_a_cast_trains_nothing_and_nan_is_seen(
    tmp_path: Path, sides: tuple[Tensors, Tensors]
) -> None:
    before, _ = sides
    after = {name: values.astype(np.float16) for name, values in before.items()}
    paths = saved(tmp_path, (before, after))
    assert {row.training for row in grouped(paths, "layer").values()} == {Training.FROZEN}
    broken = dict(before)
    broken["wte.weight"] = before["wte.weight"].copy()
    broken["wte.weight"][0, 0] = math.nan
    row = grouped(saved(tmp_path, (before, broken)), "layer")["wte"]
    assert math.isnan(row.max_abs or 0)
    assert grouped((paths[1], paths[1]), "layer")["wte"].training == Training.FROZEN


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "layers"}, "cannot group by 'layers'"),
        ({"by": "role", "columns": "name,ks"}, "unknown column 'ks'"),
        ({"by": "role", "sort": "std_a"}, "cannot sort by 'std_a'"),
        ({"by": "role", "spectrum": True}, "of single tensors only"),
        ({"columns": "uncompared"}, "unknown column 'uncompared'"),
    ],
)
def test_what_cannot_be_pooled_is_refused_before_reading(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        initcli.compare(tmp_path / "none", tmp_path / "none", **options)  # type: ignore[arg-type]
