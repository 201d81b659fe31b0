"""The contract with shells and CI: exit codes, streams, signals, colour, width."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from shell import COMMAND, Run, neutral_environment


@pytest.fixture
def changed(tmp_path: Path, samples: Path) -> Path:
    tensors = load_file(samples / "digits_mlp.safetensors")
    tensors["fc2.weight"] = tensors["fc2.weight"] + np.float32(0.01)
    save_file(tensors, tmp_path / "changed.safetensors")
    return tmp_path / "changed.safetensors"


def test_a_healthy_checkpoint_exits_0_and_says_nothing_on_stderr(run: Run, samples: Path) -> None:
    done = run("stats", samples / "digits_mlp.safetensors")
    assert (done.returncode, done.stderr) == (0, "")
    assert "fc1.weight" in done.stdout


def test_planted_faults_exit_1_and_are_named(run: Run, samples: Path) -> None:
    done = run("stats", samples / "faulty.safetensors")
    assert done.returncode == 1
    for code, tensor in (
        ("IC101", "layers.1.weight"),
        ("IC102", "layers.2.weight"),
        ("IC103", "layers.3.weight"),
        ("IC104", "layers.5.weight"),
    ):
        assert f"{code}  {tensor}:" in done.stdout


def test_compare_of_a_file_with_itself_exits_0(run: Run, samples: Path) -> None:
    path = samples / "faulty.safetensors"
    done = run("compare", path, path)
    assert done.returncode == 0
    assert "24 identical" in done.stdout


def test_compare_names_the_one_changed_tensor_and_exits_1(
    run: Run, samples: Path, changed: Path
) -> None:
    done = run("compare", samples / "digits_mlp.safetensors", changed, "--only-changed")
    assert done.returncode == 1
    assert [line.split()[:2] for line in done.stdout.splitlines()[2:3]] == [
        ["fc2.weight", "changed"]
    ]
    assert "5 identical, 1 changed; 1 beyond tolerance" in done.stdout


@pytest.mark.parametrize(
    ("tolerances", "code"),
    [
        (["--atol", "0.02"], 0),
        (["--atol", "0.001"], 1),
        (["--rtol", "0", "--atol", "0"], 1),
        (["--rtol", "1e9"], 0),
    ],
)
def test_compare_exits_by_its_tolerances(
    run: Run, samples: Path, changed: Path, tolerances: list[str], code: int
) -> None:
    done = run("compare", samples / "digits_mlp.safetensors", changed, *tolerances)
    assert done.returncode == code


USAGE = [
    (["stats", "absent.safetensors"], "E201", "no such file"),
    (["stats", "."], "E202", "no checkpoint in it"),
    (["stats", "{faulty}", "--columns", "nmae"], "E101", "did you mean name?"),
    (["stats", "{faulty}", "--sort", "sdt"], "E101", "did you mean std?"),
    (["stats", "{faulty}", "--by", "layers"], "E101", "did you mean layer?"),
    (["stats", "{faulty}", "--scheme", "kaimng_normal"], "E101", "did you mean kaiming_normal"),
    (["stats", "{faulty}", "--select", "layer.1.weight"], "E102", "did you mean layers.1.weight"),
    (["stats", "{faulty}", "--select", "re:("], "E102", "not a regular expression"),
    (["stats", "{faulty}", "--mode", "fan_out"], "E101", "no --scheme is given"),
    (["stats", "{faulty}", "--alpha", "2"], "E101", "probability"),
    (["stats", "{faulty}", "--fail-on", "errors"], "E101", "did you mean error?"),
    (["stats", "{faulty}", "-o", "{faulty}"], "E104", "a checkpoint's name"),
    (["stats", "{faulty}", "-o", "model.safetensors.index.json"], "E104", "a checkpoint's name"),
    (["stats", "{faulty}", "-o", "report.xyz"], "E104", "implies no form"),
    (["stats", "{faulty}", "-o", "absent/file.json"], "E104", "directory does not exist"),
    (["compare", "{faulty}", "{faulty}", "--rtol", "-1"], "E101", "must be a number from 0 on"),
    (["compare", "{faulty}", "{faulty}", "--by", "rolle"], "E101", "did you mean role?"),
    (["init", "{faulty}", "-o", "x.safetensors"], "E101", "nothing to draw"),
    (["init", "{faulty}", "--scheme", "normal"], "E101", "no output"),
    (["init", "{faulty}", "--scheme", "normal", "-o", "x.bin"], "E104", ".safetensors, .pt"),
    (["init", "{faulty}", "--scheme", "normal", "-o", "{faulty}", "--force"], "E104", "an input"),
    (
        ["init", "{faulty}", "--scheme", "normal", "--dtype", "bf17", "-o", "x.safetensors"],
        "E101",
        "did you mean bf16",
    ),
    (
        ["init", "{faulty}", "--scheme", "eye", "-s", "head.bias", "-o", "x.safetensors"],
        "E103",
        "2 dimensions",
    ),
    (["init", "{mlp}:mpl", "-o", "x.safetensors"], "E105", "did you mean mlp?"),
    (["init", "{mlp}:mlp", "--arg", "hiden=3", "-o", "x.safetensors"], "E101", "hidden"),
    (["init", "absent.py:f", "-o", "x.safetensors"], "E201", "no such file"),
    (["init", "{faulty}", "--scheme", "dirac", "-o", "x.safetensors"], "E103", "no tensor can"),
    (["init", "{mlp}", "-o", "x.safetensors"], "E101", "without a factory"),
    (["init", "{mlp}:mlp", "--arg", "classes=x", "-o", "x.safetensors"], "E101", "must be int"),
    (["stats", "{mlp}:mlp"], "E201", "only init takes a factory"),
    (["stats", "{faulty}", "--select", "layers"], "E102", "did you mean 'layers.*'?"),
    (["stats", "{faulty}", "--select", ""], "E102", "an empty pattern"),
    (["schemes", "xavier"], "E101", "did you mean xavier_normal"),
    (["gains", "gulu"], "E101", "did you mean gelu"),
    (["gains", "--negative_slope", "nan"], "E101", "negative_slope must be a number"),
    (["recipes", "gpt3"], "E106", "did you mean gpt2"),
    (["recipes", "gpt3", "--toml"], "E106", "did you mean gpt2"),
    (["recipes", "--toml"], "E101", "--toml goes with a recipe's name"),
    (["recipes", "gpt2", "--toml", "--format", "json"], "E101", "with no --format"),
    (["recipes", "absent.toml"], "E106", "cannot be read"),
    (["stats", "{faulty}", "--recipe", "gpt3"], "E106", "did you mean gpt2"),
    (["stats", "{faulty}", "--recipe", "gpt2", "--bias", "zeros"], "E101", "either --recipe"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), USAGE, ids=lambda value: str(value)[:60])
def test_bad_input_exits_2_with_one_clear_message(
    run: Run, samples: Path, tmp_path: Path, arguments: list[str], code: str, words: str
) -> None:
    places = {"faulty": samples / "faulty.safetensors", "mlp": samples / "mlp.py"}
    done = run(*(argument.format(**places) for argument in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"initcli: error {code}: ")
    assert words in done.stderr
    assert len(done.stderr) < 1000
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["frob"], ["stats"], ["stats", "--format", "xml", "x"]])
def test_usage_errors_exit_2_on_stderr(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error" in done.stderr


def test_help_and_version_exit_0_on_stdout(run: Run) -> None:
    for arguments in (["--help"], ["--version"], ["stats", "--help"], ["init", "-h"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 1),
        (["--fail-on", "never"], 0),
        (["--select", "layers.5.weight"], 0),
        (["--select", "layers.5.weight", "--fail-on", "warning"], 1),
        (["--select", "embed.*", "--strict"], 0),
    ],
)
def test_the_gate_decides_the_exit_code(
    run: Run, samples: Path, options: list[str], code: int
) -> None:
    assert run("stats", samples / "faulty.safetensors", *options).returncode == code


def test_strict_fails_on_what_was_not_checked(run: Run, samples: Path) -> None:
    arguments = ["stats", samples / "tiny_gpt", "--select", "ln.*", "--scheme", "eye"]
    assert run(*arguments).returncode == 0
    done = run(*arguments, "--strict")
    assert done.returncode == 1
    assert "IC902  ln.weight: not checked against eye" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX pipe")
@pytest.mark.parametrize("arguments", ["--help", "schemes", "stats {gpt} --format jsonl"])
def test_a_closed_pipe_ends_quietly_and_not_as_a_finding(samples: Path, arguments: str) -> None:
    script = f"'{COMMAND}' {arguments.format(gpt=samples / 'tiny_gpt')} | sleep 0; exit $PIPESTATUS"
    done = subprocess.run(
        ["bash", "-c", script],
        env=neutral_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX pipe")
def test_an_error_that_nobody_reads_still_exits_2() -> None:
    script = f"'{COMMAND}' stats absent.safetensors 2>&1 | sleep 0; exit $PIPESTATUS"
    done = subprocess.run(
        ["bash", "-c", script], env=neutral_environment(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_a_checkpoint_without_tensors_is_not_called_sound(
    run: Run, tmp_path: Path, options: list[str], code: int
) -> None:
    save_file({}, tmp_path / "empty.safetensors")
    done = run("stats", "empty.safetensors", *options)
    assert done.returncode == code
    assert done.stdout.endswith("there is no tensor to check\n")


def test_an_unusable_report_name_is_refused_before_any_work(run: Run, tmp_path: Path) -> None:
    done = run("stats", "absent.safetensors", "-o", "report.xyz")
    assert "E104" in done.stderr  # and not E201: the checkpoint was not even looked for
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_a_closed_stdout_exits_2(samples: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{COMMAND}' stats '{samples / 'tiny_gpt'}' >&-"],
        env=neutral_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("initcli: error E206: cannot write: stdout is closed")


def test_a_report_replaces_no_input_under_another_name(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    source = tmp_path / "model.safetensors"
    source.write_bytes((samples / "faulty.safetensors").read_bytes())
    (tmp_path / "hard.json").hardlink_to(source)
    done = run("stats", source, "-o", "hard.json")
    assert done.returncode == 2
    assert "the output is an input" in done.stderr
    assert source.read_bytes() == (samples / "faulty.safetensors").read_bytes()


@pytest.mark.parametrize("options", [["-o", "r.json"], ["--format", "csv"], ["--format", "json"]])
def test_findings_reach_stderr_where_stdout_does_not_show_them(
    run: Run, samples: Path, options: list[str]
) -> None:
    done = run("stats", samples / "faulty.safetensors", *options)
    assert done.returncode == 1
    assert "error    IC101  layers.1.weight: 1 of 6,400 values NaN" in done.stderr
    assert done.stderr.splitlines()[-1] == "initcli: failed: 3 errors, 2 warnings"


def test_findings_say_which_of_several_checkpoints(run: Run, samples: Path) -> None:
    digits, faulty = samples / "digits_mlp.safetensors", samples / "faulty.safetensors"
    done = run("stats", digits, faulty, "--by", "dtype")
    assert [line.split()[0] for line in done.stdout.splitlines()[2:4]] == [str(digits), str(faulty)]
    assert f"IC101  {faulty} layers.1.weight: 1 of" in done.stdout
    both = run("stats", faulty, samples / "tiny_gpt", "--scheme", "normal(std=0.02)")
    assert f"IC101  {faulty} layers.1.weight: 1 of" in both.stdout


def test_what_a_factory_prints_is_no_result(run: Run, tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "from torch import nn\nprint('importing')\n"
        "def build():\n    print('building')\n    return nn.Linear(2, 2)\n"
    )
    done = run("init", "loud.py:build", "--scheme", "eye", "--dry-run", "--format", "json")
    assert json.loads(done.stdout)["schema"] == "initcli.init/1"
    assert done.stderr.splitlines()[:2] == ["importing", "building"]


@pytest.mark.parametrize(("spoken", "tensors"), [("false", 1), ("False", 1), ("true", 2)])
def test_an_argument_may_say_false(run: Run, tmp_path: Path, spoken: str, tensors: int) -> None:
    (tmp_path / "model.py").write_text(
        "from torch import nn\ndef build(bias: bool):\n    return nn.Linear(2, 2, bias=bias)\n"
    )
    done = run(
        "init", "model.py:build", "--arg", f"bias={spoken}", "--dry-run", "--format", "jsonl"
    )
    assert len(done.stdout.splitlines()) == tensors


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--check-dtype"], 1)])
def test_a_cast_is_a_difference_on_request(
    run: Run, samples: Path, tmp_path: Path, options: list[str], code: int
) -> None:
    import torch
    from safetensors.torch import load_file as load
    from safetensors.torch import save_file as save

    source = samples / "digits_mlp.safetensors"
    cast = {name: value.to(torch.bfloat16) for name, value in load(source).items()}
    save(cast, tmp_path / "cast.safetensors")
    done = run("compare", source, "cast.safetensors", *options)
    assert done.returncode == code
    assert "6 equal after cast" in done.stdout


def test_a_nan_does_not_read_as_equality(run: Run, samples: Path, tmp_path: Path) -> None:
    tensors = load_file(samples / "digits_mlp.safetensors")
    tensors["fc2.bias"] = tensors["fc2.bias"].copy()
    tensors["fc2.bias"][3] = np.nan
    save_file(tensors, tmp_path / "nan.safetensors")
    source = samples / "digits_mlp.safetensors"
    done = run("compare", source, "nan.safetensors", "--only-changed", "--format", "jsonl")
    assert done.returncode == 1
    row = json.loads(done.stdout)
    assert (row["incomparable"], row["beyond"], row["max_abs"]) == (1, 1, None)
    assert row["non_finite"] == {"max_abs": "NaN"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_stdout_exits_2_without_a_traceback(samples: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [COMMAND, "stats", samples / "tiny_gpt"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=neutral_environment(),
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("initcli: error E206: cannot write")


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_exits_128_plus_its_number_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    source = tmp_path / "slow.py"
    source.write_text(
        "import time\nfrom pathlib import Path\nfrom torch import nn\n"
        "def build():\n    Path('started').touch()\n    time.sleep(60)\n    return nn.ReLU()\n"
    )
    child = subprocess.Popen(
        [COMMAND, "init", f"{source}:build", "-o", "x.safetensors"],
        cwd=tmp_path,
        env=neutral_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 128 + number
    assert b"Traceback" not in errors
    assert {path.name for path in tmp_path.iterdir()} <= {"slow.py", "started", "__pycache__"}


def test_off_a_terminal_there_is_no_colour_and_every_column(run: Run, samples: Path) -> None:
    done = run("stats", samples / "faulty.safetensors")
    assert "\x1b" not in done.stdout
    assert "not shown" not in done.stdout
    assert done.stdout.splitlines()[0].split() == (
        "name shape dtype parameters mean std variance min max zeros nan inf gain".split()  # noqa: SIM905
    )


def test_columns_limits_the_width_and_says_what_is_hidden(run: Run, samples: Path) -> None:
    done = run("stats", samples / "faulty.safetensors", env={"COLUMNS": "60"})
    table = done.stdout.split("not shown for want of width:")[0]
    assert max(map(len, table.splitlines())) <= 60
    assert "layers.1.weight" in table


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (["stats", "{digits}", "{faulty}"], "gain"),
        (["compare", "{digits}", "{faulty}"], "std b"),
        (["init", "{digits}", "--scheme", "normal", "--dry-run"], "theory variance"),
    ],
    ids=lambda value: value[0],
)
def test_wide_drops_no_column(run: Run, samples: Path, arguments: list[str], last: str) -> None:
    digits, faulty = samples / "digits_mlp.safetensors", samples / "faulty.safetensors"
    given = [one.format(digits=digits, faulty=faulty) for one in arguments]
    narrow = run(*given, env={"COLUMNS": "40"})
    assert "not shown for want of width" in narrow.stdout
    wide = run(*given, "--wide", env={"COLUMNS": "40"})
    assert "not shown" not in wide.stdout
    assert wide.stdout.splitlines()[0].endswith(last)
    assert wide.stdout == run(*given).stdout


@pytest.mark.parametrize(
    ("env", "is_coloured"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm-256color"}, False),
    ],
)
def test_colour_obeys_the_environment(
    run: Run, samples: Path, env: dict[str, str], is_coloured: bool
) -> None:
    done = run("stats", samples / "faulty.safetensors", env=env)
    assert ("\x1b[" in done.stdout) is is_coloured


def test_json_is_one_document_by_the_standard(run: Run, samples: Path) -> None:
    done = run("stats", samples / "faulty.safetensors", "--format", "json")

    def refuse(literal: str) -> None:
        raise AssertionError(literal)

    document = json.loads(done.stdout, parse_constant=refuse)
    assert document["schema"] == "initcli.stats/1"
    assert document["passed"] is False
    row = next(row for row in document["tensors"] if row["name"] == "layers.9.weight")
    values = load_file(samples / "faulty.safetensors")["layers.9.weight"].astype(np.float64)
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-13)
    assert row["std"] == pytest.approx(values.std(), rel=1e-13)
    assert row["gain"] == pytest.approx(values.std() * np.sqrt(80), rel=1e-13)


def test_the_same_input_gives_the_same_bytes_whatever_the_jobs(run: Run, samples: Path) -> None:
    outputs = {
        run("stats", samples / "tiny_gpt", "--format", "json", "--jobs", jobs).stdout
        for jobs in ("1", "2", "3")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "md", "html", "svg", "txt"])
def test_a_report_file_takes_the_form_its_name_implies(
    run: Run, samples: Path, tmp_path: Path, suffix: str
) -> None:
    form = {"md": "markdown", "txt": "table"}.get(suffix, suffix)
    source = samples / "digits_mlp.safetensors"
    done = run("stats", source, "-o", f"report.{suffix}")
    assert (done.returncode, done.stdout) == (0, "")
    direct = run("stats", source, "--format", form).stdout
    assert (tmp_path / f"report.{suffix}").read_text(encoding="utf-8").split() == direct.split()


def test_both_spellings_of_a_scheme_agree(run: Run, samples: Path) -> None:
    options = ["stats", samples / "digits_mlp.safetensors", "--format", "json", "--scheme"]
    called = run(*options, "kaiming_normal(mode=fan_out, nonlinearity=relu)")
    plain = run(*options, "kaiming_normal", "--mode", "fan_out", "--nonlinearity", "relu")
    assert called.stdout == plain.stdout
    assert json.loads(called.stdout)["tensors"][1]["theory_variance"] == 2 / 128


def test_a_planted_module_in_the_working_directory_is_not_imported(
    run: Run, samples: Path, tmp_path: Path
) -> None:
    for name in ("torch", "numpy", "rich", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)\n")
    assert run("stats", samples / "digits_mlp.safetensors").returncode == 0


def test_an_internal_error_exits_3_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from initcli.cli import boundary

    def broken() -> int:
        raise ZeroDivisionError("by\x1b[31m zero")

    monkeypatch.setattr(boundary, "_run", broken)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert boundary.main() == 3
    told = capsys.readouterr().err
    assert told.startswith("initcli: error E301: internal error: ZeroDivisionError: by\\x1b[31m")
    assert "Traceback" not in told


def test_shell_completion_knows_the_schemes(run: Run) -> None:
    env = {
        "_INITCLI_COMPLETE": "complete_bash",
        "COMP_WORDS": "initcli schemes xav",
        "COMP_CWORD": "2",
    }
    assert run(env=env).stdout.split() == ["xavier_uniform", "xavier_normal"]
