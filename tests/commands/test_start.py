"""The commands on network files: from an .onnx or .net file and pictures to figures and files."""

import json
import os

import pytest

from firebrick.commands.accuracy import main
from firebrick.models.digits import MODEL_PATH
from firebrick.quantize.errors import FirebrickError
from tests.commands.run import command


def test_accuracy_of_the_bundled_network(digits, tmp_path):
    out = tmp_path / "accuracy.json"
    done = command(
        "accuracy",
        *("--model", MODEL_PATH, "--preset", "digits", "--calibration", digits / "train"),
        *("--images", digits / "held", "--labels", digits / "labels.csv", "--out", out),
    )
    assert done.returncode == 0, done.stderr
    assert "calibrating on 40 images: all the 40 images in" in done.stdout.replace("\n", " ")
    figures = json.loads(out.read_text())
    assert figures["images"] == 150
    assert figures["float_top1"] >= 97
    assert figures["fixed_top1"] >= 96
    assert figures["fixed_top5"] >= figures["fixed_top1"]
    assert figures["agreement"] >= 98


def test_an_onnx_file_needs_its_preprocessing(digits, tmp_path):
    done = command(
        "accuracy",
        *("--model", MODEL_PATH, "--images", digits / "held"),
        *("--labels", digits / "labels.csv", "--out", tmp_path / "accuracy.json"),
    )
    assert done.returncode == 2
    assert "digits.onnx: the preprocessing that the network was trained with is not stated" in (
        done.stderr
    )
    assert done.stderr.count("\n") == 1


def test_without_a_model_it_is_the_default_network(digits, tmp_path, monkeypatch):
    """Which cannot be had without an index of packages, as the error says."""
    monkeypatch.setenv("FIREBRICK_BUILD", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(FirebrickError, match=r"the weights of SqueezeNet v1\.1 come with"):
        main(["--images", str(digits / "held"), "--labels", str(digits / "labels.csv")])


def test_accuracy_of_squeezenet_on_200_photos(shared_data, tmp_path):
    """Calibrated on every fourth photo, measured on the others; the float figures are those that
    onnxruntime gives with the same network and photos."""
    out = tmp_path / "accuracy.json"
    done = command(
        "accuracy",
        *("--model", shared_data / "squeezenet_v1.0_deep_compression.net"),
        *("--images", shared_data / "imagenet" / "images"),
        *("--labels", shared_data / "imagenet" / "labels.csv", "--out", out),
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert (figures["float_top1"], figures["float_top5"], figures["images"]) == (64.7, 88.7, 150)
    assert figures["agreement"] >= 92
    assert figures["logit_sqnr_db"] >= 28
    assert figures["fixed_top1"] >= 63
    assert figures["fixed_top5"] >= 87
