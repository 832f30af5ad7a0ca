"""`firebrick figures`: every figure printed, options by name, errors in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from firebrick.commands import figures
from firebrick.models.digits import MODEL_PATH
from firebrick.quantize.errors import FirebrickError
from tests.commands.run import command


def test_the_command_prints_every_figure():
    run = subprocess.run(
        [sys.executable, "-m", "firebrick", "figures", "--conv10-padding", "1"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "80", "PATH": ""},
    )
    assert run.returncode == 0, run.stderr
    for text in (
        "1,248,424", "832,667,936", "115,200,000", "86,528,000", "60,965,224", "1,179,648",
        "180,224", "84.72", "4.8 MB 50x", "0.66 MB 363x", "fire9/expand3x3", "510x",
        "1,589,672", "6.06",
    ):  # fmt: skip
        assert text in run.stdout, text
    assert "…" not in run.stdout


def test_the_command_takes_hyper_parameters(capsys):
    figures.main(["--architecture", "v1.1", "--input-size", "227", "--classes", "10"])
    out = capsys.readouterr().out
    assert "squeezenet_v1_1: layers, input 3x227x227" in out and "10x14x14" in out
    figures.main(["--modules", "2", "--pool-after", "conv1", "--pct-3x3", "0.25"])
    assert "fire3/expand3x3" in capsys.readouterr().out


def test_the_command_reads_a_trained_network(capsys):
    figures.main(["--model", str(MODEL_PATH)])
    assert "digits: layers, input 1x32x32" in capsys.readouterr().out
    with pytest.raises(FirebrickError, match="leave out --architecture"):
        figures.main(["--model", str(MODEL_PATH), "--freq", "2"])


def test_a_wrong_option_is_one_line_and_exit_code_2():
    run = command("figures", "--freq", "0")
    assert run.returncode == 2
    assert run.stderr == "error: squeezenet_v1_0: freq must be at least 1, not 0\n"
