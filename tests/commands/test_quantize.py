"""The command that quantizes a network: files, page, figures, and refusals."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import onnx
import pytest

from firebrick.hw.boards import board_names
from firebrick.models.digits import CLASSES, MODEL_PATH, load_digits_split
from firebrick.quantize import golden, qfile
from tests.commands.run import command


def report(*arguments: object) -> subprocess.CompletedProcess[str]:
    return command("quantize", *arguments)


def test_preprocessing_by_value_equals_the_preset(digits, tmp_path):
    common = ("--model", MODEL_PATH, "--calibration", digits / "train")
    one = report(*common, "--preset", "digits", "--out", tmp_path / "one.npz")
    two = report(
        *(*common, "--out", tmp_path / "two.npz", "--color", "L", "--resize", "32"),
        *("--scale", "1/255", "--mean", "0", "--std", "1"),
    )
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    first, second = (qfile.load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert qfile.fingerprint(first) == qfile.fingerprint(second)


def test_network_page_figures_and_onnx_are_written(digits, tmp_path):
    done = report(
        *("--model", MODEL_PATH, "--preset", "digits", "--calibration", digits / "train"),
        *("--images", digits / "held", "--labels", digits / "labels.csv"),
        *("--classes", digits / "classes.csv", "--out", tmp_path / "digits.npz"),
        *("--qdq", tmp_path / "digits.onnx"),
    )
    assert done.returncode == 0, done.stderr
    qnet = qfile.load(tmp_path / "digits.npz")
    assert qnet.classes == CLASSES
    assert qnet.report["held_out"]["images"] == 150
    assert "held-out images: 150" in done.stdout
    for entry in qnet.report["layers"]:
        assert entry["name"] in done.stdout
    onnx.checker.check_model(onnx.load(tmp_path / "digits.onnx"))
    _, _, held_out, truth = load_digits_split()
    figures = json.loads((tmp_path / "digits.json").read_text())
    assert figures["accuracy"]["images"] == 150
    assert figures["accuracy"]["fixed_top1"] >= 96
    assert [board["problem"] for board in figures["boards"]] == [""] * len(board_names())
    page = (tmp_path / "digits.html").read_text()
    for entry in figures["boards"]:
        assert entry["board"] in page and f"{entry['cycles']:,}" in page
    right = golden.run(qnet, held_out).logits.argmax(axis=1) == truth
    assert np.mean(right) >= 0.97


def test_held_out_images_must_be_others(digits, tmp_path):
    done = report(
        *("--model", MODEL_PATH, "--preset", "digits", "--calibration", digits / "train"),
        *("--images", digits / "train", "--out", tmp_path / "digits.npz"),
    )
    assert done.returncode == 2
    assert "every image calibrates the network, none is left to measure it" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "CALIBRATION is missing"),
        (("--calibration", "x", "--labels", "l.csv"), "LABELS needs IMAGES"),
        (("--calibration", "x", "--out", "n.onnx"), "ends in .npz"),
    ],
)
def test_what_is_missing_is_named(arguments, message, tmp_path):
    out = () if "--out" in arguments else ("--out", tmp_path / "n.npz")
    done = report("--model", MODEL_PATH, "--preset", "digits", *arguments, *out)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_a_damaged_network_file_is_one_line(digits, tmp_path):
    (tmp_path / "cut.onnx").write_bytes(MODEL_PATH.read_bytes()[:5000])
    done = report(
        *("--model", tmp_path / "cut.onnx", "--preset", "digits"),
        *("--calibration", digits / "train", "--out", tmp_path / "digits.npz"),
    )
    assert done.returncode == 2
    assert "cut.onnx" in done.stderr and done.stderr.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["cut.onnx"]
