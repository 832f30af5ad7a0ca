"""`firebrick trained`: jobs, what they find, and what is written; with PyTorch a real training."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firebrick.commands import trained, trained_jobs
from firebrick.commands.trained_jobs import Job, Regime, content, judged, task_of
from firebrick.hw.boards.board import load_board
from firebrick.hw.explore.engines import engine
from firebrick.hw.explore.trained.family import BYPASS, Costs, base, trainees
from firebrick.models.datasets import dataset
from firebrick.models.training import Recipe
from firebrick.quantize.architectures import (
    CLASSIFIER,
    SqueezeNetConfig,
    build,
    layer_shapes,
    with_weights,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.jobs import Kept
from firebrick.quantize.network import Network
from tests.conftest import ROOT

PYTHON = os.environ.get("FIREBRICK_TORCH", sys.executable)
REGIME = Regime(40, 50, Recipe(epochs=1))
ADDRESS = re.compile(r"""<(script|link|img)[^>]*(src|href)=["']?(https?:)?//""")


def fake(
    config: SqueezeNetConfig,
    inputs: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    seeds: Sequence[int],
) -> list[Network]:
    """Random networks."""
    assert inputs.shape[:2] == labels.shape and inputs.max() <= 1
    assert len(labels) == len(seeds)
    return [build(config, np.random.default_rng(seed)) for seed in seeds]


@pytest.fixture
def fake_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small regime, a trainer that needs no PyTorch, and workers that are this process."""
    monkeypatch.setattr(trained, "check_torch", lambda: None)
    monkeypatch.setattr(trained_jobs, "train", fake)
    monkeypatch.setitem(trained.REGIMES, "digits", REGIME)
    monkeypatch.setattr("firebrick.quantize.jobs.workers", lambda: 1)


def test_page_and_data(fake_trainer, tmp_path: Path, capsys) -> None:
    out = tmp_path / "trained"
    assert trained.main(["--out", str(out), "--seeds", "2", "--study", "bypass"]) == 0
    facts = json.loads(out.with_suffix(".json").read_text())
    assert (facts["seeds"], facts["networks"], facts["board"]) == (2, 3, "cora-z7-07s")
    assert facts["regime"]["training"] == 40 and facts["regime"]["epochs"] == 1
    assert len(facts["points"]) == 3 and len(facts["claims"]) == 2
    for point in facts["points"]:
        for kind in ("float", "fixed"):
            seeds = point[kind]["seeds"]
            assert len(seeds) == 2 and all(0 <= value <= 100 for value in seeds)
            assert point[kind]["mean"] == pytest.approx(np.mean(seeds), abs=1e-3)
            assert point[kind]["deviation"] == pytest.approx(np.std(seeds, ddof=1), abs=1e-3)
    page = out.with_suffix(".html").read_text()
    assert page.count("data-root-id") == len(facts["plots"]) == 3
    assert "40 pictures to train on" in page and not ADDRESS.search(page)
    assert "3 networks, 2 seeds of each" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["trained.html", "trained.json"]


def test_an_interrupted_training_is_taken_up(
    fake_trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was trained is kept, the second run does the rest, and finds what one run does."""
    board = load_board("cora-z7-07s")
    planned = trainees(base("base", 1, (8, 8), 10), Costs(engine(board, board.shape)), [BYPASS])
    data = dataset("digits")
    done: list[Job] = []

    def counted(shared_data, regime, job: Job) -> dict:
        """Figures that only network and seed decide."""
        done.append(job)
        if len(done) == 4:
            raise KeyboardInterrupt
        values = [len(repr(job.config)) + seed / 8 for seed in job.seeds]
        return {"float": values, "fixed": [value - 1 for value in values], "agreement": values}

    monkeypatch.setattr(trained, "train_and_judge", counted)
    path = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        trained.measure(planned, data, REGIME, range(8), Kept(path, "s"))
    kept = Kept(path, "s")
    assert len(kept.results) == 3
    # The first seeds of all three networks are there: they alone need no training any more.
    few = trained.measure(planned, data, REGIME, range(4), kept)
    assert len(done) == 4
    points = trained.measure(planned, data, REGIME, range(8), Kept(path, "s"))
    assert len(done) == 7 and [job.seeds for job in done[3:]] == [(4, 5, 6, 7)] * 4
    assert [p.real.values[:4] for p in points] == [p.real.values for p in few]
    assert points == trained.measure(planned, data, REGIME, range(8), Kept(tmp_path / "new", "s"))


def test_jobs_by_processes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data and jobs travel, and the workers find what this process does."""
    monkeypatch.setattr("firebrick.quantize.jobs.workers", lambda: 2)
    monkeypatch.setattr(trained, "TOGETHER", 1)
    monkeypatch.setattr(trained, "train_and_judge", judged_by_fake)
    board = load_board("cora-z7-07s")
    planned = trainees(base("base", 1, (8, 8), 10), Costs(engine(board, board.shape)), [BYPASS])
    data = dataset("digits")
    points = trained.measure(planned, data, REGIME, range(2), Kept(tmp_path / "kept", "s"))
    for point, one in zip(points, planned, strict=True):
        here = judged(data, REGIME, Job(one.config, (1,)), fake)
        assert point.real.values[1:] == tuple(here["float"])
        assert point.fixed.values[1:] == tuple(here["fixed"])


def judged_by_fake(data, regime, job: Job) -> dict:
    return judged(data, regime, job, fake)


def test_what_is_judged_is_what_was_trained() -> None:
    """A network that says 3 to everything is right as often as there are threes."""
    data = dataset("digits")
    regime = Regime(40, 500, Recipe())

    def three(config, inputs, labels, recipe, seeds) -> list[Network]:
        rng = np.random.default_rng(1)
        weights = {
            name: (rng.standard_normal(shape, np.float32) * 0.1, np.zeros(shape[0], np.float32))
            for name, shape in layer_shapes(config).items()
        }
        weights[CLASSIFIER] = (0 * weights[CLASSIFIER][0], np.eye(10, dtype=np.float32)[3])
        return [with_weights(config, weights) for _ in seeds]

    config = base("base", 1, (8, 8), 10)
    found = judged(data, regime, Job(config, (5, 6)), three)
    for number, seed in enumerate((5, 6)):
        held = trained_jobs.split(data, 40, 500, seed).held_out_labels
        right = 100 * float((held == 3).mean())
        assert found["float"][number] == found["fixed"][number] == pytest.approx(right)
    assert found["agreement"] == [100.0, 100.0]


def test_fewer_classes_and_other_sizes() -> None:
    """As many pictures of each class, and the same pictures enlarged: what is learned is that."""
    data = dataset("digits")
    config = base("base", 1, (8, 8), 10)
    same, regime = task_of(data, REGIME, config)
    assert regime == REGIME and np.array_equal(same.images, data.images)
    few, fewer = task_of(data, REGIME, replace(config, classes=2))
    assert (fewer.training, fewer.held_out, few.classes) == (8, 10, ("0", "1"))
    assert set(few.labels) == {0, 1} and len(few.labels) == (data.labels < 2).sum()
    large, _ = task_of(data, REGIME, replace(config, input_size=(16, 12)))
    assert large.images.shape == (len(data.labels), 1, 16, 12)
    means = [images.mean((1, 2, 3)) for images in (large.images, data.images)]
    assert np.corrcoef(means)[0, 1] > 0.98
    # Where the makers say what is for training, that many are left of it.
    parted = replace(data, training=1000)
    assert task_of(parted, REGIME, replace(config, classes=2))[0].training == (
        (data.labels[:1000] < 2).sum()
    )
    for one in (replace(config, classes=2), replace(config, input_size=(6, 6))):
        found = judged(data, REGIME, Job(one, (3,)), fake)
        assert 0 <= found["float"][0] <= 100


def test_without_pytorch_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firebrick.models.training.importlib.util.find_spec", lambda name: None)
    with pytest.raises(FirebrickError, match="training needs PyTorch"):
        trained.main(["--out", str(tmp_path / "trained")])
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_told_before_any_work(fake_trainer, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "x")]
    for options, told in (
        (["--board", "nexys"], "board 'nexys' is not known"),
        (["--data", "fashion", "--folder", str(tmp_path)], "apt-get install dataset-fashion"),
        (["--folder", str(tmp_path)], "add --data fashion"),
        (["--study", "depth"], "invalid choice: 'depth'"),
        (["--training", "1790"], "are too few for 1790"),
        (["--seeds", "0"], "at least 1"),
    ):
        with pytest.raises(FirebrickError, match=told):
            trained.main([*out, *options])
        assert list(tmp_path.iterdir()) == []


def test_other_pictures_are_another_signature() -> None:
    data = dataset("digits")
    assert content(data) == content(dataset("digits"))
    other = trained_jobs.Dataset(
        data.name, data.title, data.images[1:], data.labels[1:], data.classes
    )
    assert content(other) != content(data)


def test_a_real_training(tmp_path: Path) -> None:
    """Of three networks, by PyTorch: more squeeze filters or not, they learn something."""
    modules = "import torch, sklearn, onnx, onnxruntime, distributed, bokeh, rich, scipy"
    if subprocess.run([PYTHON, "-c", modules], capture_output=True).returncode:
        pytest.skip(
            f"{PYTHON} lacks PyTorch or the project's packages; FIREBRICK_TORCH names another"
        )
    out = tmp_path / "trained"
    options = ["--study", "bypass", "--seeds", "2", "--epochs", "8", "--training", "400"]
    done = subprocess.run(
        [PYTHON, "-m", "firebrick", "trained", "--out", str(out), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(out.with_suffix(".json").read_text())
    assert len(facts["points"]) == 3
    for point in facts["points"]:
        assert point["float"]["mean"] > 25  # by chance 10
        assert abs(point["fixed"]["mean"] - point["float"]["mean"]) < 10
