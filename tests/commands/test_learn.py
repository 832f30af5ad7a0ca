"""`firebrick learn`: own classes from folders, on a small network and on SqueezeNet."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from firebrick.commands.learn import main
from firebrick.hw.shape import EngineShape
from firebrick.models.digits import MODEL_PATH
from firebrick.quantize import golden, qfile
from firebrick.quantize.calibration.model import read_model
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.pictures.preprocess import float_input, list_images, load_images
from firebrick.sim.engine_check import check_network

SHAPES = ("bars", "dots", "rings")


def drawing(kind: str, rng: np.random.Generator) -> np.ndarray:
    """uint8 [32, 32]: one of three shapes at some place and size."""
    y, x = np.mgrid[:32, :32] - rng.uniform(13, 18, (2, 1, 1))
    size = rng.uniform(5, 9)
    distance = np.hypot(x, y)
    inside = {
        "bars": np.abs(x) < size / 2.5,
        "dots": distance < size,
        "rings": np.abs(distance - size) < 1.6,
    }[kind]
    return np.clip(inside * 200.0 + rng.normal(20, 10, (32, 32)), 0, 255).astype(np.uint8)


def draw_all(folder: Path, count: int) -> Path:
    rng = np.random.default_rng(8)
    for kind in SHAPES:
        (folder / kind).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(drawing(kind, rng)).save(folder / kind / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def learnt(tmp_path_factory) -> Path:
    """What is made of three shapes on the features of the digits network; photos/ beside it."""
    folder = tmp_path_factory.mktemp("learnt")
    photos = draw_all(folder / "photos", 8)
    (photos / "notes.txt").write_text("not a picture")
    out = folder / "shapes.npz"
    main(["--images", str(photos), "--model", "digits", "--out", str(out)])
    return folder


def pictures(learnt: Path) -> np.ndarray:
    preprocessing = qfile.load(learnt / "shapes.npz").preprocessing
    files = [path for kind in SHAPES for path in list_images(learnt / "photos" / kind)]
    return load_images(files, preprocessing)


def test_figures_page_and_names(learnt):
    facts = json.loads((learnt / "shapes.json").read_text())
    assert (facts["classes"], facts["images"], facts["folds"]) == (3, 24, 8)
    assert facts["names"] == list(SHAPES)
    assert facts["accuracy_float"] >= 75 and facts["accuracy_fixed"] >= 75
    assert abs(facts["accuracy_float"] - facts["accuracy_fixed"]) <= 9
    assert facts["seconds"] > 0
    assert facts["skipped"] == ["notes.txt (not used)"]
    counts = np.array(facts["confusion"])
    assert counts.sum(axis=1).tolist() == [8, 8, 8]
    assert facts["accuracy_fixed"] == pytest.approx(100 * counts.trace() / 24, abs=0.01)
    assert len(facts["mistakes"]) == 24 - counts.trace()
    report = json.loads((learnt / "shapes_report.json").read_text())
    assert report["learnt"]["confusion"] == facts["confusion"]
    assert report["calibration_images"] == 24
    page = (learnt / "shapes.html").read_text()
    assert "What it has learnt" in page and "data:image/png;base64," in page
    with Image.open(learnt / "shapes.png") as picture:
        assert picture.format == "PNG"


def test_the_onnx_needs_no_options_and_onnxruntime_agrees(learnt):
    model = read_model(learnt / "shapes.onnx")
    qnet = qfile.load(learnt / "shapes.npz")
    assert model.classes == qnet.classes == SHAPES
    assert model.preprocessing == qnet.preprocessing
    images = pictures(learnt)
    real = float_input(images, model.preprocessing)
    expected = FloatModel(model.network).logits(real)
    session = onnxruntime.InferenceSession(
        learnt / "shapes.onnx", providers=["CPUExecutionProvider"]
    )
    (given,) = session.run(None, {session.get_inputs()[0].name: real})
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-4)
    truth = np.repeat(np.arange(3), 8)
    assert np.mean(expected.argmax(axis=1) == truth) >= 0.9
    fixed = golden.run(qnet, images).logits
    assert np.mean(fixed.argmax(axis=1) == expected.argmax(axis=1)) >= 0.95


def test_it_runs_on_the_simulated_board_bit_for_bit(learnt, tmp_path):
    qnet = qfile.load(learnt / "shapes.npz")
    report, *_ = check_network(qnet, EngineShape(), pictures(learnt)[::8], tmp_path)
    assert report.exact and report.values > 0


def test_labels_features_and_a_file_as_model(learnt, tmp_path):
    photos = learnt / "photos"
    rows = [f"{kind}/{i:02}.png,{kind}" for kind in SHAPES for i in range(6)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,class", *rows]))
    main(
        [
            *("--images", str(photos), "--labels", str(tmp_path / "labels.csv")),
            *("--model", str(MODEL_PATH), "--preset", "digits", "--effort", "plain"),
            *("--features", "fire4", "--out", str(tmp_path / "x.npz")),
        ]
    )
    facts = json.loads((tmp_path / "x.json").read_text())
    assert facts["images"] == 18
    assert facts["features"].startswith("fire4")
    assert set(facts["features_of_folds"]) == {facts["features"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--features", "fire99"), "no features 'fire99'; there are conv1"),
        (("--out", "x.onnx"), "ends in .npz"),
        (("--model", "x.npz"), "is quantized already"),
        (("--model", "none.onnx"), "none.onnx: no such"),
        (("--images", "nothing"), "nothing: not a folder with a folder of photos"),
    ],
)
def test_refused_before_any_work(arguments, message, learnt, tmp_path):
    given = {
        "--images": str(learnt / "photos"),
        "--model": "digits",
        "--out": str(tmp_path / "x.npz"),
    }
    given |= dict([arguments])
    with pytest.raises(FirebrickError, match=message):
        main([part for pair in given.items() for part in pair])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.nightly
def test_dogs_against_birds(shared_data, tmp_path):
    """35 photos of 35 kinds, each of another: cross-validated, in fixed point."""
    kinds = {"dog": [range(151, 269)], "bird": [range(7, 25), range(80, 101), range(127, 147)]}
    with (shared_data / "imagenet" / "labels.csv").open() as file:
        for row in csv.DictReader(file):
            for kind, ranges in kinds.items():
                if any(int(row["class_index"]) in numbers for numbers in ranges):
                    (tmp_path / "photos" / kind).mkdir(parents=True, exist_ok=True)
                    source = shared_data / "imagenet" / "images" / row["file"]
                    shutil.copy(source, tmp_path / "photos" / kind)
    main(["--images", str(tmp_path / "photos"), "--out", str(tmp_path / "learn.npz")])
    facts = json.loads((tmp_path / "learn.json").read_text())
    assert facts["images"] == 35
    assert facts["accuracy_float"] >= 95
    assert facts["accuracy_fixed"] >= 95


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.nightly)])
def test_ten_classes_of_small_pictures(every, shared_data, tmp_path):
    """Ten pictures a class; judged on 400 others, or on every fourth of them."""
    data = shared_data / "mlperf_tiny"
    for path in list_images(data / "calibration"):
        folder = tmp_path / "photos" / path.name.partition("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    main(["--images", str(tmp_path / "photos"), "--out", str(tmp_path / "learn.npz")])
    qnet = qfile.load(tmp_path / "learn.npz")
    with (data / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))[::every]
    images = load_images([data / "images" / row["file"] for row in rows], qnet.preprocessing)
    truth = [qnet.classes.index(row["name"]) for row in rows]
    answers = golden.run(qnet, images).logits.argmax(axis=1)
    assert len(rows) == 400 // every
    assert 100 * np.mean(answers == truth) >= 42
