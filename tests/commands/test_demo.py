"""The demo command: its results, its files, and what bad input gets."""

from __future__ import annotations

import csv
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.commands import agreement, demo
from firebrick.hw.shape import PYNQ_Z2
from firebrick.models import digits
from firebrick.models.canvases import held_out_canvases
from firebrick.quantize import qfile
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import read_classes, read_labels
from firebrick.sim.random_networks import random_images, random_network
from tests.conftest import ROOT

MODEL = str(digits.MODEL_PATH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve held-out digits as PNG files, with labels.csv and classes.csv beside them."""
    base = tmp_path_factory.mktemp("digits")
    images = base / "images"
    images.mkdir()
    _, _, held_out, truth = digits.load_digits_split()
    with open(base / "labels.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "class_index"])
        for i in range(12):
            Image.fromarray(held_out[i, 0]).save(images / f"{i:02d}.png")
            rows.writerow([f"{i:02d}.png", int(truth[i])])
    with open(base / "classes.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["class_index", "name"])
        rows.writerows([i, f"a {i}"] for i in range(10))
    return images


def facts(out: Path) -> dict:
    return json.loads((out / "demo.json").read_text())


def test_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--model", "digits", "--out", str(tmp_path)]) == 0
    told = facts(tmp_path)
    assert told["images"] == 16
    assert told["mismatches"] == 0
    assert told["accuracy_float"] >= 98
    assert told["accuracy_fixed"] >= 98
    assert 0 < told["mac_utilisation"] < 1
    assert told["cycles"] >= told["ideal_cycles"]
    # Every map of the network in every image: what both programs store, and the answers.
    assert told["tensors_compared"] == 16 * ((5 + 1) + (11 + 1))
    assert "bit-exact" in capsys.readouterr().out
    with Image.open(tmp_path / "demo.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 50


def test_a_quantized_network_with_bypass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Modules that add what enters them, in both programs and in the table of their cycles."""
    net = random_network(1, bypass=True)
    assert net.tensors[net.input].shape[0] == 3
    qfile.save(net, tmp_path / "net.npz")
    images = tmp_path / "images"
    images.mkdir()
    for index, picture in enumerate(random_images(net, 2, 1)):
        Image.fromarray(picture.transpose(1, 2, 0)).save(images / f"{index}.png")
    arguments = ["--model", str(tmp_path / "net.npz"), "--images", str(images)]
    assert demo.main([*arguments, "--out", str(tmp_path)]) == 0
    told = facts(tmp_path)
    assert told["images"] == 2 and told["mismatches"] == 0
    assert "fire0/bypass" in (text := capsys.readouterr().out) and "bit-exact" in text


def test_the_bundled_detector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its boxes are drawn, by name, and again from the file that the demo wrote."""
    options = ["--model", "detector", "--effort", "plain", "--count", "2"]
    assert demo.main([*options, "--out", str(tmp_path / "first")]) == 0
    told = facts(tmp_path / "first")
    assert told["images"] == 2 and told["mismatches"] == 0 and told["boxes"] >= 2
    assert "What the engine detects" in capsys.readouterr().out
    qnet = qfile.load(tmp_path / "first/demo.npz")
    assert len(qnet.anchors) == 3 and qnet.kinds == 10 and len(qnet.maps) == 2
    pictures = tmp_path / "canvases"
    pictures.mkdir()
    Image.fromarray(held_out_canvases(1).pictures[0, 0]).save(pictures / "canvas.png")
    again = arguments_of(str(tmp_path / "first/demo.npz"), pictures, tmp_path / "again")
    assert demo.main(again) == 0
    assert facts(tmp_path / "again")["boxes"] >= 1
    for name in ("first", "again"):
        with Image.open(tmp_path / name / "demo.png") as picture:
            assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 300
    with pytest.raises(FirebrickError, match=r"labels\.csv: .* labels are for networks that"):
        demo.main([*again, "--labels", "labels.csv"])


def test_network_and_images_of_a_user(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = str(folder.parent / "labels.csv")
    arguments = ["--model", MODEL, "--images", str(folder), "--labels", labels]
    options = ["--preset", "digits", "--count", "3", "--out", str(tmp_path)]
    assert demo.main(arguments + options) == 0
    told = facts(tmp_path)
    assert told["images"] == 3
    assert told["mismatches"] == 0
    assert "a 7" in capsys.readouterr().out
    # The quantized network that this left behind runs by itself.
    again = ["--model", str(tmp_path / "demo.npz"), "--images", str(folder), "--count", "1"]
    assert demo.main([*again, "--out", str(tmp_path / "again")]) == 0
    assert facts(tmp_path / "again")["accuracy_float"] is None


def test_trained_squeezenet(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network and photos that the project is for, from the Deep Compression file."""
    images = shared_data / "imagenet" / "images"
    arguments = [
        *("--model", str(shared_data / "squeezenet_v1.0_deep_compression.net")),
        *("--images", str(images), "--count", "1", "--out", str(tmp_path)),
    ]
    assert demo.main(arguments) == 0
    told = facts(tmp_path)
    assert told["mismatches"] == 0
    assert told["ideal_cycles"] == 1_979_448
    assert told["cycles"] <= 2_100_000
    # The first photo calibrates: the second is the first that is shown.
    names = read_classes(images.parent / "classes.csv", 1000)
    shown = read_labels(images.parent / "labels.csv", images, 1000)[1]
    said = capsys.readouterr().out
    assert shown.path.name in said and names[shown.class_index].split(",")[0] in said


def arguments_of(model: str, images: Path | str, out: Path, *more: str) -> list[str]:
    return ["--model", model, "--images", str(images), "--out", str(out), *more]


def test_bad_input_is_named(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    empty = tmp_path / "empty"
    empty.mkdir()
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "x.png").write_bytes(b"not a picture")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(digits.MODEL_PATH.read_bytes()[:5000])
    preset = ("--preset", "digits")
    cases = [
        (arguments_of(MODEL, folder, out), "digits.onnx"),
        (["--model", MODEL, "--out", str(out)], "IMAGES is missing"),
        (arguments_of(MODEL, tmp_path / "none", out, *preset), "none"),
        (arguments_of(MODEL, empty, out, *preset), "empty"),
        (arguments_of(MODEL, bad, out, *preset), "x.png"),
        (arguments_of(str(cut), folder, out, *preset), "cut.onnx"),
        (arguments_of(str(tmp_path / "no.onnx"), folder, out, *preset), "no.onnx"),
        (arguments_of(MODEL, folder, out, *preset, "--shape", "14x33"), "14x33"),
        (arguments_of(MODEL, folder, out, *preset, "--preset", "unheard"), "unheard"),
        (["--count", "0"], "at least 1"),
    ]
    for arguments, named in cases:
        with pytest.raises(FirebrickError, match=named):
            demo.main(arguments)
    assert not out.exists()


def test_errors_are_one_line(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "firebrick",
        "demo",
        "--model",
        "missing.onnx",
        "--images",
        ".",
    ]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "missing.onnx" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_default_shape_is_the_board() -> None:
    assert str(PYNQ_Z2) == "14x32"


@pytest.mark.parametrize("command", ["demo", "deploy", "quantize"])
def test_a_bundled_network_far_from_its_float_one_ends_with_code_3(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing that small is far off: the limit is raised above what can be reached."""
    monkeypatch.setattr(agreement, "LEAST_SQNR_DB", 200.0)
    out = tmp_path / ("out.npz" if command == "quantize" else "out")
    given = ["--model", "digits", "--out", str(out)]
    with pytest.raises(SystemExit) as left:
        importlib.import_module(f"firebrick.commands.{command}").main(given)
    assert left.value.code == agreement.EXIT_CODE
    said = capsys.readouterr().out
    assert "digits quantized is far from its original" in said and "--accept" in said
