"""The accuracy and convert commands, from files to figures and to refusals."""

import json

import numpy as np
import pytest
from distributed import LocalCluster
from PIL import Image

from firebrick.commands import accuracy, accuracy_jobs
from firebrick.commands.opening import Made
from firebrick.quantize import golden, qfile
from firebrick.quantize.calibration.model import Model
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.calibration.reference import float_reference
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters.float_onnx import export_onnx
from firebrick.quantize.exporters.qdq import export_qdq
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.report import accuracy as measured
from tests.commands.run import command
from tests.quantize import builders

KEYS = (
    "float_top1", "float_top5", "fixed_top1", "fixed_top5", "agreement", "images", "logit_sqnr_db",
    "oracle",
)  # fmt: skip


@pytest.fixture(scope="module")
def labelled(tmp_path_factory, small_network, small_qnet):
    """A folder with 20 pictures, a quantized network, and labels that both networks get right in
    known shares."""
    folder = tmp_path_factory.mktemp("labelled")
    images = builders.photos(31, 20)
    for index, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{index:02}.png")
    fixed = golden.run(small_qnet, images).logits.argmax(axis=1)
    truth = fixed.copy()
    # The golden model is right on the first fifteen only.
    truth[15:] = (fixed[15:] + 1) % 5
    rows = [f"{index:02}.png,{label}" for index, label in enumerate(truth)]
    (folder / "labels.csv").write_text("\n".join(["file,class_index", *rows]) + "\n")
    qfile.save(small_qnet, folder / "net.npz")
    return folder, images, truth, small_network, small_qnet


def test_figures_are_counted_per_image(labelled):
    folder, images, truth, net, qnet = labelled
    labels = [Label(folder / f"{index:02}.png", int(c)) for index, c in enumerate(truth)]
    reference = float_reference(net, qnet.preprocessing)
    result = measured.evaluate(qnet, reference, labels, batch=7)
    assert result.oracle == "the float network"
    assert tuple(vars(result)) == KEYS
    real = FloatModel(net).logits(float_input(images, qnet.preprocessing)).argmax(axis=1)
    fixed = golden.run(qnet, images).logits.argmax(axis=1)
    assert result.images == 20
    assert result.fixed_top1 == 75.0
    # Five classes: the right one is always among the five best.
    assert result.fixed_top5 == result.float_top5 == 100.0
    assert result.float_top1 == round(100 * np.mean(real == truth), 1)
    assert result.agreement == round(100 * np.mean(real == fixed), 1)
    signal = FloatModel(net).logits(float_input(images, qnet.preprocessing))
    error = golden.run(qnet, images).logits - signal
    expected = 10 * np.log10(np.sum(signal**2) / np.sum(error**2))
    assert result.logit_sqnr_db == round(expected, 1)


def test_a_quantized_network_alone_has_no_float_figures(labelled):
    folder, _, truth, _, qnet = labelled
    labels = [Label(folder / f"{index:02}.png", int(c)) for index, c in enumerate(truth)]
    result = measured.evaluate(qnet, None, labels)
    assert (result.float_top1, result.float_top5, result.agreement) == (None, None, None)
    assert result.logit_sqnr_db is None
    assert result.fixed_top1 == 75.0


def test_equal_logits_are_ranked_by_class():
    logits = np.array([[1.0, 3.0, 3.0, 2.0, 0.0, 3.0, 2.0]])
    assert measured.ranking(logits).tolist() == [[1, 2, 5, 3, 6]]


def test_calibration_files_are_spread_and_named(labelled):
    folder = labelled[0]
    files = [folder / f"{index % 20:02}.png" for index in range(130)]
    chosen, words = measured.calibration_files(files, "labelled images")
    assert words == "44 images: numbers 1, 4, 7, ... of the 130 labelled images"
    assert [path.name for path in chosen[:4]] == ["00.png", "03.png", "06.png", "09.png"]
    chosen, words = measured.calibration_files(files[:20], "images in there")
    assert words == "20 images: all the 20 images in there"
    assert chosen == files[:20]


def test_images_that_calibrate_are_not_measured(labelled):
    folder = labelled[0]
    labels = [Label(folder / f"{index:02}.png", 0) for index in range(20)]
    used = tuple(label.path for label in labels[::3])
    made = Made(labelled[4], None, None, used)
    assert made.unseen(labels) == [label for index, label in enumerate(labels) if index % 3]


def test_labels_that_all_calibrate_are_refused(labelled, tmp_path):
    folder, _, _, net, qnet = labelled
    export_onnx(net, qnet.preprocessing, tmp_path / "net.onnx")
    given = ("--images", folder, "--labels", folder / "labels.csv", "--out", tmp_path / "a.json")
    done = command("accuracy", "--model", tmp_path / "net.onnx", *given)
    assert done.returncode == 2 and "all 20 labelled images calibrate" in done.stderr
    assert not (tmp_path / "a.json").exists()


def test_an_onnx_file_is_measured_against_onnxruntime(labelled, tmp_path):
    """Also where its own numbers are taken over, of whose grids the float network knows nothing."""
    folder, images, _, _, qnet = labelled
    export_qdq(qnet, tmp_path / "net.onnx")
    given = ("--images", folder, "--labels", folder / "labels.csv", "--out", tmp_path / "a.json")
    done = command("accuracy", "--model", tmp_path / "net.onnx", *given)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "a.json").read_text())
    assert figures["oracle"] == "onnxruntime on net.onnx"
    # The golden model computes what the file does, bit for bit.
    assert figures["agreement"] == 100.0 and figures["logit_sqnr_db"] is None
    assert figures["float_top1"] == figures["fixed_top1"] == 75.0 and len(images) == 20


def test_the_ablation_has_a_row_for_every_choice_of_steps(labelled):
    folder, images, truth, net, qnet = labelled
    labels = [Label(folder / f"{index:02}.png", int(c)) for index, c in enumerate(truth)]
    model = Model(net, qnet.preprocessing, None, ())
    rows = accuracy.ablation(model, images[:8], labels[8:])
    assert [row["steps"] for row in rows] == list(accuracy.ABLATION)
    assert len({row["logit_sqnr_db"] for row in rows}) > 4
    assert rows[-1]["logit_sqnr_db"] > rows[0]["logit_sqnr_db"]
    for row in rows:
        assert row["images"] == 12 and row["cpu_seconds"] >= 0


def test_the_command_on_a_quantized_network(labelled, tmp_path):
    folder = labelled[0]
    out = tmp_path / "build" / "accuracy.json"
    done = command(
        "accuracy",
        *("--model", folder / "net.npz", "--images", folder),
        *("--labels", folder / "labels.csv", "--out", out),
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert tuple(figures) == KEYS
    assert (figures["fixed_top1"], figures["float_top1"], figures["images"]) == (75.0, None, 20)
    assert "75.0" in done.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--model": "none.npz"}, "no such quantized network"),
        ({"--model": "none.onnx"}, "no such network file"),
        ({"--model": "net.pt"}, "not a network file"),
        ({"--images": "nowhere"}, "nowhere: not a folder of images"),
        ({"--labels": "none.csv"}, "none.csv: no such file"),
        ({"--preset": "digits"}, "keeps its own preprocessing"),
        ({"--mean": "1,x"}, "'x' is not a number"),
        ({"--wrong": "1"}, "unrecognized arguments: --wrong"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(labelled, tmp_path, changes, message):
    folder = labelled[0]
    options = {
        "--model": folder / "net.npz",
        "--images": folder,
        "--labels": folder / "labels.csv",
        "--out": tmp_path / "accuracy.json",
    }
    pairs = [text for pair in (options | changes).items() for text in pair]
    done = command("accuracy", *pairs)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "accuracy.json").exists()


def test_a_truncated_network_is_one_line(labelled, tmp_path):
    folder = labelled[0]
    (tmp_path / "cut.npz").write_bytes((folder / "net.npz").read_bytes()[:2000])
    done = command(
        "accuracy",
        *("--model", tmp_path / "cut.npz", "--images", folder),
        *("--labels", folder / "labels.csv", "--out", tmp_path / "accuracy.json"),
    )
    assert done.returncode == 2
    assert "cut.npz: truncated or altered" in done.stderr and done.stderr.count("\n") == 1


def test_a_float_network_must_fit_the_quantized_one(labelled, monkeypatch):
    other = builders.fire_network(shape=(3, 21, 17))
    monkeypatch.setattr(accuracy_jobs, "load_network", lambda path: other)
    with pytest.raises(FirebrickError, match=r"other\.onnx: its input is \(3, 21, 17\)"):
        accuracy_jobs.original("other.onnx", labelled[4])


def test_on_a_cluster_it_is_the_same_bit_for_bit(labelled, tmp_path, monkeypatch):
    """Float network and quantized file, batch by batch on the workers of a cluster; the files that
    the workers open are the test's own."""
    folder, _, _, net, qnet = labelled
    export_onnx(net, qnet.preprocessing, folder / "net.onnx")
    monkeypatch.setattr(accuracy_jobs, "BATCH", 6)
    arguments = [
        *("--model", str(folder / "net.npz"), "--float-model", str(folder / "net.onnx")),
        *("--images", str(folder), "--labels", str(folder / "labels.csv")),
    ]
    accuracy.main([*arguments, "--out", str(tmp_path / "here.json")])
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        there = ["--scheduler", cluster.scheduler_address, "--out", str(tmp_path / "there.json")]
        accuracy.main([*arguments, *there])
    assert (tmp_path / "here.json").read_text() == (tmp_path / "there.json").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["here.json", "there.json"]
    figures = json.loads((tmp_path / "there.json").read_text())
    assert figures["images"] == 20 and figures["fixed_top1"] == 75.0


def test_what_was_measured_is_not_measured_again(labelled, tmp_path, monkeypatch):
    """An interrupted measurement goes on, and comes to the same figures."""
    folder = labelled[0]
    monkeypatch.setattr(accuracy_jobs, "BATCH", 6)
    real, sizes = accuracy_jobs.count, []

    def counted(qnet, reference, images):
        sizes.append(len(images))
        if len(sizes) == 3:
            raise KeyboardInterrupt
        return real(qnet, reference, images)

    monkeypatch.setattr(accuracy_jobs, "count", counted)
    arguments = [
        *("--model", str(folder / "net.npz"), "--images", str(folder)),
        *("--labels", str(folder / "labels.csv"), "--out"),
    ]
    with pytest.raises(KeyboardInterrupt):
        accuracy.main([*arguments, str(tmp_path / "cut.json")])
    assert [p.name for p in tmp_path.iterdir()] == ["cut.batches"]
    accuracy.main([*arguments, str(tmp_path / "cut.json")])
    accuracy.main([*arguments, str(tmp_path / "whole.json")])
    assert sizes == [6, 6, 6, 6, 2, 6, 6, 6, 2]
    assert (tmp_path / "cut.json").read_text() == (tmp_path / "whole.json").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.json", "whole.json"]


@pytest.mark.parametrize("kind", ["npz", "onnx"])
def test_a_network_that_ends_in_maps_is_refused_by_name(tmp_path, kind):
    net = builders.map_network()
    path = tmp_path / f"net.{kind}"
    if kind == "npz":
        qfile.save(quantize_network(net, builders.RGB, builders.photos(1, 2)), path)
    else:
        export_onnx(net, builders.RGB, path)
    words = rf"{path}: ends in the map head\.out, not in classes"
    options = ["--model", str(path), "--images", str(tmp_path), "--labels", "none.csv"]
    with pytest.raises(FirebrickError, match=words):
        accuracy.main(options)
