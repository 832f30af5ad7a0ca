"""One job of `firebrick trained`: a network trained for some seeds, written as ONNX, read by the
importer as a user's own would be, quantized, and judged on pictures that it has not seen."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from firebrick import models, quantize
from firebrick.models.datasets import Dataset, Split, split
from firebrick.models.digits import resized
from firebrick.models.training import Recipe, train
from firebrick.quantize import golden
from firebrick.quantize.architectures import SqueezeNetConfig
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.importers.load import load_model
from firebrick.quantize.jobs import sources_hash, versions
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.report.accuracy import ranking
from firebrick.quantize.support.progress import silent

# Of the pictures that were trained on, those that the quantizer sees.
CALIBRATION = 64

Train = Callable[[SqueezeNetConfig, np.ndarray, np.ndarray, Recipe, Sequence[int]], list[Network]]


@dataclass(frozen=True)
class Regime:
    """How much is trained on, how long, and how many pictures judge."""

    training: int
    held_out: int
    recipe: Recipe

    def facts(self) -> dict[str, Any]:
        """As JSON data."""
        return {"training": self.training, "held_out": self.held_out, **asdict(self.recipe)}


@dataclass(frozen=True)
class Job:
    """A network, and the seeds of its pictures and of its training."""

    config: SqueezeNetConfig
    seeds: tuple[int, ...]


def task_of(data: Dataset, regime: Regime, config: SqueezeNetConfig) -> tuple[Dataset, Regime]:
    """What a network of ``config`` is to learn of ``data``: the first ``config.classes`` classes,
    with as many pictures of each as ``regime`` has of all of them, and every picture with as many
    rows and columns as the network sees, by Pillow's bilinear filter."""
    chosen = data.labels < config.classes
    training = int(chosen[: data.training].sum())
    share = Fraction(config.classes, len(data.classes))
    images = data.images[chosen]
    if images.shape[2:] != config.input_size:
        images = resized(images[:, 0], config.input_size)[:, None]
    return (
        replace(
            data,
            images=images,
            labels=data.labels[chosen],
            classes=data.classes[: config.classes],
            training=training,
        ),
        replace(
            regime, training=int(regime.training * share), held_out=int(regime.held_out * share)
        ),
    )


def preprocessing(data: Dataset) -> Preprocessing:
    """As the pictures are trained on: gray, from 0 to 1, of their own size."""
    size = data.images.shape[2:]
    return Preprocessing("L", 0, (size[0], size[1]), 1 / 255, (0.0,), (1.0,))


def train_and_judge(data: Dataset, regime: Regime, job: Job) -> dict:
    """One job: accuracies in percent, an entry for each seed."""
    return judged(data, regime, job, train)


def judged(data: Dataset, regime: Regime, job: Job, trainer: Train) -> dict:
    """As :func:`train_and_judge`, whoever trains."""
    data, regime = task_of(data, regime, job.config)
    splits = [split(data, regime.training, regime.held_out, seed) for seed in job.seeds]
    prepared = preprocessing(data)
    inputs = np.stack([float_input(part.images, prepared) for part in splits])
    labels = np.stack([part.labels for part in splits])
    nets = trainer(job.config, inputs, labels, regime.recipe, job.seeds)
    found: dict[str, list[float]] = {"float": [], "fixed": [], "agreement": []}
    with silent():
        for part, net in zip(splits, nets, strict=True):
            for name, share in _judge(net, prepared, part, data.classes).items():
                found[name].append(share)
    return found


def _judge(
    net: Network, prepared: Preprocessing, part: Split, classes: tuple[str, ...]
) -> dict[str, float]:
    # Imported here: the onnx package takes long to load.
    from firebrick.quantize.exporters.float_onnx import export_onnx

    with tempfile.TemporaryDirectory(prefix="firebrick-") as folder:
        path = Path(folder) / "trained.onnx"
        export_onnx(net, prepared, path, classes)
        read, read_prepared = load_model(path)
        real = _run(path, float_input(part.held_out, read_prepared))
    qnet = quantize_network(read, read_prepared, part.images[:CALIBRATION], effort="plain")
    answers = {
        "float": real,
        "fixed": golden.run(qnet, part.held_out).logits,
    }
    best = {name: ranking(logits, 1)[:, 0] for name, logits in answers.items()}
    return {
        **{name: _percent(chosen == part.held_out_labels) for name, chosen in best.items()},
        "agreement": _percent(best["float"] == best["fixed"]),
    }


def _run(path: Path, inputs: np.ndarray) -> np.ndarray:
    """What onnxruntime says to ``inputs`` by the file: six times as quick as NumPy."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    return session.run(None, {session.get_inputs()[0].name: inputs})[0]


def _percent(hits: np.ndarray) -> float:
    return 100.0 * float(np.mean(hits))


def content(data: Dataset) -> str:
    """A hash of the pictures."""
    digest = hashlib.sha256(data.images.tobytes() + data.labels.tobytes())
    return digest.hexdigest()[:16]


def worker() -> str:
    """What workers must have in common: the sources that train and judge, and the packages that
    round sums in their own ways."""
    return f"{sources()}, {versions('torch', 'numpy', 'onnxruntime', 'pillow')}"


@cache
def sources() -> str:
    """A hash of the sources that train and judge."""
    folders = (models, quantize)
    files = [path for package in folders for path in _python(package)]
    return sources_hash([*files, Path(__file__)])


def _python(package: Any) -> list[Path]:
    return sorted(Path(package.__file__).parent.rglob("*.py"))
