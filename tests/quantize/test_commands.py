"""The commands on network files: from an .onnx or .net file and pictures to figures and files."""

import json

import numpy as np
import onnx
import pytest
from PIL import Image

from bench.golden import frames_per_second
from models.digits import CLASSES, MODEL_PATH, load_digits_split
from quantize import golden, qfile
from tests.quantize.test_accuracy import command


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Folders of calibration and held-out digits, the latter with labels; class names."""
    folder = tmp_path_factory.mktemp("digits")
    train, _, held_out, truth = load_digits_split()
    for name, images in (("train", train[:40]), ("held", held_out[:150])):
        (folder / name).mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image[0]).save(folder / name / f"{index:03}.png")
    rows = [f"{index:03}.png,{label}" for index, label in enumerate(truth[:150])]
    (folder / "labels.csv").write_text("\n".join(["file,class_index", *rows]))
    rows = [f"{index},{name}" for index, name in enumerate(CLASSES)]
    (folder / "classes.csv").write_text("\n".join(["class_index,name", *rows]))
    return folder


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


def test_preprocessing_by_value_equals_the_preset(digits, tmp_path):
    common = ("--model", MODEL_PATH, "--calibration", digits / "train")
    one = command("convert", *common, "--preset", "digits", "--out", tmp_path / "one.npz")
    two = command(
        "convert",
        *(*common, "--out", tmp_path / "two.npz", "--color", "L", "--resize", "32"),
        *("--scale", "1/255", "--mean", "0", "--std", "1"),
    )
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    first, second = (qfile.load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert qfile.fingerprint(first) == qfile.fingerprint(second)


def test_convert_writes_network_and_onnx_and_prints_the_report(digits, tmp_path):
    done = command(
        "convert",
        *("--model", MODEL_PATH, "--preset", "digits", "--calibration", digits / "train"),
        *("--held-out", digits / "held", "--classes", digits / "classes.csv"),
        *("--out", tmp_path / "digits.npz", "--qdq", tmp_path / "digits.onnx"),
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
    right = golden.run(qnet, held_out).logits.argmax(axis=1) == truth
    assert np.mean(right) >= 0.97


def test_held_out_images_must_be_others(digits, tmp_path):
    done = command(
        "convert",
        *("--model", MODEL_PATH, "--preset", "digits", "--calibration", digits / "train"),
        *("--held-out", digits / "train", "--out", tmp_path / "digits.npz"),
    )
    assert done.returncode == 2
    assert "000.png: is also a calibration image (40 of 40 are)" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_network_file_is_one_line(digits, tmp_path):
    (tmp_path / "cut.onnx").write_bytes(MODEL_PATH.read_bytes()[:5000])
    done = command(
        "convert",
        *("--model", tmp_path / "cut.onnx", "--preset", "digits"),
        *("--calibration", digits / "train", "--out", tmp_path / "digits.npz"),
    )
    assert done.returncode == 2
    assert "cut.onnx" in done.stderr and done.stderr.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["cut.onnx"]


def test_accuracy_of_squeezenet_on_200_photos(shared_data, tmp_path):
    """The float figures are those that onnxruntime gives with the same network and photos."""
    out = tmp_path / "accuracy.json"
    done = command(
        "accuracy",
        *("--model", shared_data / "squeezenet_v1.0_deep_compression.net"),
        *("--images", shared_data / "imagenet" / "images"),
        *("--labels", shared_data / "imagenet" / "labels.csv", "--out", out),
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert (figures["float_top1"], figures["float_top5"], figures["images"]) == (65.0, 87.5, 200)
    assert figures["agreement"] >= 91
    assert figures["fixed_top1"] >= 63
    assert figures["fixed_top5"] >= 85.5


def test_the_golden_model_is_fast_enough():
    assert frames_per_second("v1.0", 8) >= 3
