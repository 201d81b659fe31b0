from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import initcli
import schemed
from initcli.core.errors import InitcliError, NotApplicableError, OptionError
from initcli.schemes.registry import SCHEMES
from initcli.schemes.spec import parse_scheme

FACTORIES = ["mlp.py:mlp", "convnet.py:convnet", "tiny_gpt.py:tiny_gpt"]
# Of kernels, vectors or attention only, of matrices only, and not of query, key, value in one.
NEVER_MATRICES = {"delta_orthogonal", "dirac", "lstm_bias", "mimetic"}
UNFIT = {
    "mlp.py:mlp": set[str](),
    "convnet.py:convnet": {"eye", "idinit", "mamba_a_log", "sinusoid", "sparse", "zero_hadamard"},
    "tiny_gpt.py:tiny_gpt": {"idinit", "mup_normal", "mup_uniform", "zero_hadamard"},
}


def settings(scheme: str) -> list[str]:
    formulas = parse_scheme(scheme).formulas.values()
    asked = {name for formula in formulas for name in formula.variables}
    return [f"{name}={value:g}" for name, value in schemed.VARIABLES.items() if name in asked]


def factory(samples: Path, name: str) -> str:
    return f"{samples}/{name}"


def raw(values: torch.Tensor) -> bytes:
    return values.contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_init_draws_stats_finds_sound(
    samples: Path, tmp_path: Path, name: str, scheme: str
) -> None:
    # Family-wise 1e-6 a checkpoint, in 150 checkpoints: a false alarm in 6,000 seeds.
    text, out = schemed.example(scheme), tmp_path / "out.safetensors"
    asked = {"scheme": text, "bias": "zeros", "settings": settings(text)}
    made = initcli.init(factory(samples, name), out, **asked, seed=1)
    drawn = {row.name for row in made.rows if row.action == "drawn"}
    report = initcli.stats(out, **asked, model=factory(samples, name), alpha=1e-6)
    assert report.passed
    assert {row.name for row in report.rows if row.verdict == "ok"} == drawn
    assert {row.name for row in report.rows if row.verdict == "not checked"} == {
        row.name for row in made.rows if row.action == "skipped"
    }
    is_unfit = scheme in NEVER_MATRICES | UNFIT[name]
    assert is_unfit == any(row.action == "skipped" for row in made.rows)


@pytest.mark.parametrize("dtype", ["F64", "BF16", "F16", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ"])
@pytest.mark.parametrize("scheme", ["kaiming_uniform(a=2.2360679774997896)", "normal(0, 0.0014)"])
def test_what_is_cast_is_still_found_sound(
    samples: Path, tmp_path: Path, scheme: str, dtype: str
) -> None:
    # Family-wise 1e-6 a checkpoint, in 12 checkpoints: a false alarm in 80,000 seeds.
    out = tmp_path / "out.safetensors"
    initcli.init(factory(samples, "mlp.py:mlp"), out, scheme=scheme, dtype=dtype, seed=2)
    report = initcli.stats(out, scheme=scheme, alpha=1e-6)
    assert report.passed
    assert {row.verdict for row in report.rows if row.scheme} == {"ok"}
    assert {row.dtype for row in report.rows} == {dtype}


@pytest.mark.parametrize("code", ["float32", "float64", "bfloat16", "float16", "float8_e4m3fn"])
def test_a_cast_is_that_of_torch(samples: Path, tmp_path: Path, code: str) -> None:
    out = tmp_path / "out.safetensors"
    source = samples / "digits_mlp.safetensors"
    initcli.init(source, out, scheme="xavier_normal", seed=4, dtype=code)
    values = load_file(out)["fc1.weight"]
    drawn = torch.empty(128, 64)
    torch.nn.init.xavier_normal_(drawn, generator=initcli.generator(4, "fc1.weight"))
    assert raw(values) == raw(drawn.to(getattr(torch, code)))
    assert load_file(out)["fc1.bias"].dtype == torch.float32


def test_what_is_not_selected_is_copied_byte_for_byte(tmp_path: Path) -> None:
    source, out = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    noise = torch.randint(0, 256, (64,), dtype=torch.uint8, generator=torch.Generator())
    tensors = {
        "w": torch.randn(4, 4),
        "nan payloads": noise.clone().view(torch.float32),
        "half": noise.clone().view(torch.float16),
        "fp8": noise.clone().view(torch.float8_e4m3fn),
        "complex": noise.clone().view(torch.complex64),
        "flags": noise > 9,
        "steps": torch.tensor(2**62),
        "empty": torch.zeros(0, 3),
    }
    save_file(tensors, source, {"format": "pt", "note": "kept ünïcode", "b": "", "a": "1"})
    before = source.read_bytes()
    initcli.init(source, out, scheme="ones", select=["w"])
    assert metadata(out) == metadata(source)
    assert source.read_bytes() == before
    after = load_file(out)
    assert after.keys() == tensors.keys()
    assert torch.equal(after.pop("w"), torch.ones(4, 4))
    assert {name: raw(each) for name, each in after.items()} == {
        name: raw(each) for name, each in tensors.items() if name != "w"
    }


def test_a_file_with_nothing_changed_is_the_same_file(samples: Path, tmp_path: Path) -> None:
    reference, source, out = (tmp_path / f"{name}.safetensors" for name in "abc")
    save_file(load_file(samples / "digits_mlp.safetensors"), reference, {"format": "pt"})
    initcli.init(reference, source, scheme="normal", select=["fc1.weight"], seed=7)
    initcli.init(source, out, scheme="normal", select=["fc1.weight"], seed=7)
    assert source.read_bytes() == out.read_bytes()


def test_bytes_depend_on_seed_and_name_alone(samples: Path, tmp_path: Path) -> None:
    gpt = samples / "tiny_gpt"
    single, sharded, other = (
        tmp_path / "one.safetensors",
        tmp_path / "many",
        tmp_path / "b.safetensors",
    )
    shards = [load_file(path) for path in sorted(gpt.glob("*.safetensors"))]
    save_file({name: each for shard in shards for name, each in shard.items()}, single)
    initcli.init(gpt, sharded, scheme="orthogonal", seed=9)
    initcli.init(single, other, scheme="orthogonal", seed=9)
    together = {
        name: raw(each)
        for path in sharded.glob("*.safetensors")
        for name, each in load_file(path).items()
    }
    assert together == {name: raw(each) for name, each in load_file(other).items()}
    index = json.loads((sharded / "model.safetensors.index.json").read_text())
    assert index["weight_map"].keys() == together.keys()


def test_the_order_of_patterns_changes_no_byte(samples: Path, tmp_path: Path) -> None:
    patterns = ["head.weight", "fc1.weight", "fc2.*"]
    outputs = [tmp_path / f"{number}.safetensors" for number in range(2)]
    for out, select in zip(outputs, (patterns, patterns[::-1]), strict=True):
        initcli.init(samples / "digits_mlp.safetensors", out, scheme="normal", select=select)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_selecting_fewer_tensors_draws_the_same_values(samples: Path, tmp_path: Path) -> None:
    source, few, all_ = (
        samples / "digits_mlp.safetensors",
        tmp_path / "a.safetensors",
        tmp_path / "b.safetensors",
    )
    initcli.init(source, few, scheme="normal", select=["fc2.weight"], seed=5)
    initcli.init(source, all_, scheme="normal", seed=5)
    assert torch.equal(load_file(few)["fc2.weight"], load_file(all_)["fc2.weight"])
    assert not torch.equal(load_file(few)["fc1.weight"], load_file(all_)["fc1.weight"])


@pytest.mark.parametrize("name", FACTORIES)
def test_a_model_is_made_twice_alike_and_otherwise_by_another_seed(
    samples: Path, tmp_path: Path, name: str
) -> None:
    paths = [tmp_path / f"{number}.safetensors" for number in range(3)]
    for path, seed in zip(paths, (3, 3, 4), strict=True):
        initcli.init(factory(samples, name), path, scheme="normal", seed=seed)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


def test_a_tied_tensor_is_drawn_once_under_the_name_it_is_stored(
    samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "gpt.safetensors"
    report = initcli.init(
        factory(samples, "tiny_gpt.py:tiny_gpt"), out, scheme="ones", select=["head.weight"]
    )
    actions = {row.name: row.action for row in report.rows}
    assert (actions["tok.weight"], actions["head.weight"]) == ("drawn", "tied")
    assert metadata(out)["head.weight"] == "tok.weight"
    assert torch.equal(load_file(out)["tok.weight"], torch.ones(256, 64))


def test_the_report_says_what_the_file_holds(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    made = initcli.init(factory(samples, "convnet.py:convnet"), out, scheme="kaiming_normal")
    measured = {row.name: row for row in initcli.stats(out).rows}
    for row in made.rows:
        assert (row.mean, row.std) == (measured[row.name].mean, measured[row.name].std)


def test_a_dry_run_plans_and_writes_nothing(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    report = initcli.init(
        factory(samples, "tiny_gpt.py:tiny_gpt"), out, scheme="normal", dry_run=True
    )
    assert list(tmp_path.iterdir()) == []
    assert report.output is None
    drawn = [row for row in report.rows if row.action == "drawn"]
    assert {row.theory_variance for row in drawn} <= {1.0, None}
    assert all(row.mean is None for row in report.rows)


REFUSED = [
    ({}, OptionError),
    ({"scheme": "uniform(2, 1)"}, OptionError),
    ({"scheme": "normal", "dtype": "I64"}, OptionError),
    ({"scheme": "normal", "dtype": "F8_E8M0"}, OptionError),
    ({"scheme": "eye", "select": ["fc1.bias"]}, NotApplicableError),
    ({"scheme": "normal", "arguments": ["a=1"]}, OptionError),
    ({"scheme": "xavier_uniform(gain=-1)"}, OptionError),
    ({"scheme": "constant(1e300)"}, OptionError),
    ({"scheme": "xavier_uniform(1e38)"}, None),
]


@pytest.mark.parametrize(("options", "kind"), REFUSED)
def test_a_refusal_leaves_nothing_behind(
    samples: Path, tmp_path: Path, options: dict[str, str], kind: type[InitcliError] | None
) -> None:
    out = tmp_path / "out.safetensors"
    if kind is None:
        initcli.init(samples / "digits_mlp.safetensors", out, **options)
        assert out.exists()
        return
    with pytest.raises(kind):
        initcli.init(samples / "digits_mlp.safetensors", out, **options)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_column_is_refused_before_anything_is_written(
    samples: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="unknown column 'bogus'"):
        initcli.init(samples / "mlp.py:mlp", tmp_path / "x.safetensors", columns="+bogus")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"columns": "bogus"}, {"sort": "bogus"}], ids=str)
def test_comparing_refuses_an_unknown_column_before_anything_is_read(
    samples: Path, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("a value was read")

    monkeypatch.setattr("initcli.formats.storage.reading.Reader.read", read)
    digits = samples / "digits_mlp.safetensors"
    for run in (initcli.compare, initcli.stats):
        paths = (digits, digits) if run is initcli.compare else (digits,)
        with pytest.raises(OptionError, match="'bogus'"):
            run(*paths, **options)
