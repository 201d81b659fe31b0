"""A checkpoint that is broken in part: the sound part is reported, and the run exits 2."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from reported import matrix
from shell import Run

INDEX = "model.safetensors.index.json"
CUT = "the header promises 36 bytes of data, the file holds 35"


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """Two shards, of which the second lacks its last byte."""
    directory = tmp_path / "cut"
    directory.mkdir()
    save_file({"a": matrix(4, 4), "b": matrix(3, 3)}, directory / "1.safetensors")
    save_file({"c": torch.ones(4), "d": torch.ones(5)}, directory / "2.safetensors")
    shard = directory / "2.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    places = {"a": "1", "b": "1", "c": "2", "d": "2"}
    weight_map = {name: f"{place}.safetensors" for name, place in places.items()}
    (directory / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    return directory


def assert_told_on_stderr(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 2
    assert "initcli: error E204: truncated or changed file: " + CUT in done.stderr
    assert "Traceback" not in done.stderr


TOLD = f"2.safetensors: {CUT}; 2 tensors not read: c, d"


def test_the_table_has_what_is_sound_and_the_finding(run: Run, cut: Path) -> None:
    done = run("stats", cut)
    assert_told_on_stderr(done)
    assert [line.split()[0] for line in done.stdout.splitlines()[2:4]] == ["a", "b"]
    assert f"error    IC303  {TOLD}\n" in done.stdout
    assert done.stdout.endswith("failed: 1 error\n")
    assert "IC303" not in done.stderr


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_forms_without_room_for_findings_leave_them_to_stderr(
    form: str, run: Run, cut: Path
) -> None:
    done = run("stats", cut, "--format", form)
    assert_told_on_stderr(done)
    assert "IC303" not in done.stdout
    assert f"error    IC303  {TOLD}\n" in done.stderr


def test_json_is_one_document_with_the_finding(run: Run, cut: Path) -> None:
    done = run("stats", cut, "--format", "json")
    assert_told_on_stderr(done)
    document = json.loads(done.stdout)
    assert [row["name"] for row in document["tensors"]] == ["a", "b"]
    ((finding),) = document["findings"]
    assert (finding["code"], finding["tensor"], finding["message"]) == ("IC303", "", TOLD)
    assert document["passed"] is False


@pytest.mark.parametrize("form", ["json", "markdown", "csv", "svg"])
def test_a_file_is_written_whole_before_the_run_exits(
    form: str, run: Run, cut: Path, tmp_path: Path
) -> None:
    done = run("stats", cut, "--format", form, "-o", "report")
    assert_told_on_stderr(done)
    assert done.stdout == ""
    assert "a" in (tmp_path / "report").read_text("utf-8")


@pytest.mark.parametrize(
    "options",
    [["--fail-on", "never"], ["--strict"], ["--columns", "name,shape"], ["--select", "a"]],
)
def test_no_option_makes_it_pass(options: list[str], run: Run, cut: Path) -> None:
    done = run("stats", cut, *options)
    assert_told_on_stderr(done)
    assert "IC303" in done.stdout


def test_a_pattern_for_what_is_lost_is_told_why(run: Run, cut: Path) -> None:
    done = run("stats", cut, "--select", "d")
    assert_told_on_stderr(done)
    assert done.stdout == ""


def test_init_takes_no_part_of_a_broken_checkpoint(run: Run, cut: Path, tmp_path: Path) -> None:
    done = run("init", cut, "--scheme", "zeros", "-o", "new.safetensors")
    assert_told_on_stderr(done)
    assert not (tmp_path / "new.safetensors").exists()


def test_what_is_wrong_in_several_ways_is_told_once_each_on_stderr(run: Run, cut: Path) -> None:
    index = json.loads((cut / INDEX).read_text())
    index["weight_map"] |= {f"t{place}": "1.safetensors" for place in range(100)}
    (cut / INDEX).write_text(json.dumps(index))
    done = run("stats", cut)
    assert_told_on_stderr(done)
    assert done.stdout.count("error    IC301  t") == 50  # the most that people are shown
    assert "and 51 more" in done.stdout
    assert done.stderr.count("initcli: error") == 2
    assert "error E205: index and shards disagree: tensor t0 is not in 1.safetensors" in done.stderr


def test_of_several_paths_the_one_that_cannot_be_read_is_a_finding(
    run: Run, cut: Path, samples: Path
) -> None:
    done = run("stats", samples / "digits_mlp.safetensors", cut / "2.safetensors", "absent")
    assert_told_on_stderr(done)
    assert "fc1.weight" in done.stdout
    assert f"2.safetensors: {CUT}; nothing of it is read" in done.stdout
    assert "absent: no such file or directory; nothing of it is read" in done.stdout
    assert "initcli: error E201: cannot read: no such file or directory" in done.stderr


def test_a_path_of_which_nothing_can_be_read_is_an_error_and_no_report(run: Run, cut: Path) -> None:
    done = run("stats", cut / "2.safetensors")
    assert_told_on_stderr(done)
    assert done.stdout == ""
    done = run("stats", cut / "2.safetensors", "absent")
    assert_told_on_stderr(done)
    assert done.stdout == ""


def test_a_whole_checkpoint_with_a_finding_exits_1(run: Run, tmp_path: Path) -> None:
    tensors = {"lm_head.weight": matrix(4, 3), "model.embed_tokens.weight": matrix(4, 3, seed=1)}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"tie_word_embeddings": true}')
    done = run("stats", "model.safetensors")
    assert (done.returncode, done.stderr) == (1, "")
    assert "error    IC304  lm_head.weight: tied to model.embed_tokens.weight by" in done.stdout


def test_a_forged_name_acts_on_no_terminal_or_log(run: Run, cut: Path) -> None:
    index = json.loads((cut / INDEX).read_text())
    index["weight_map"]["\x1b[31m\n::error::forged"] = "\u202e.safetensors"
    (cut / INDEX).write_text(json.dumps(index))
    done = run("stats", cut)
    assert done.returncode == 2
    for stream in (done.stdout, done.stderr):
        assert not {"\x1b", "\u202e"} & set(stream)
        assert not any(line.startswith("::") for line in stream.splitlines())
