"""Accuracy of batches of labelled pictures, which are kept as they come: by this process, or as
independent jobs on a Dask cluster."""

from __future__ import annotations

import argparse
import hashlib
import pickle
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from firebrick import quantize
from firebrick.commands.chosen import is_bundled
from firebrick.commands.frame import preprocessing_options
from firebrick.models.bundled import DEFAULT, bundled
from firebrick.quantize.calibration.model import Model, read_model
from firebrick.quantize.calibration.reference import Reference, float_reference
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.load import load_network
from firebrick.quantize.jobs import Kept, run_jobs, sources_hash, versions
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.pictures.preprocess import for_network, load_images
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.accuracy import BATCH, Accuracy, count, total
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.progress import track


@dataclass(frozen=True)
class Original:
    """Where a worker finds what the golden model is measured against: a model with how its pictures
    are prepared, the float network of a quantized one, or nothing."""

    model: str | None
    float_model: str | None
    given: tuple[tuple[str, Any], ...]
    measured: bool


def evaluate_kept(
    options: argparse.Namespace,
    qnet: QNetwork,
    reference: Reference | None,
    labels: list[Label],
) -> Accuracy:
    """:func:`quantize.report.accuracy.evaluate`, on the cluster ``options.scheduler`` if one is
    named, and otherwise here, whose threads use all cores; batches that were measured when it was
    interrupted are not measured again."""
    where = Original(
        _absolute(options.model),
        _absolute(options.float_model),
        tuple(preprocessing_options(options).items()),
        reference is not None,
    )
    paths = [str(Path(label.path).resolve()) for label in labels]
    jobs = {str(n): paths[n : n + BATCH] for n in range(0, len(paths), BATCH)}
    content = pickle.dumps((qnet, where, [(path, Path(path).stat().st_mtime_ns) for path in paths]))
    signature = f"{sources()}-{hashlib.sha256(content).hexdigest()[:16]}"
    with sole_writer(options.out):
        kept = Kept(Path(options.out).with_suffix(".batches"), signature)
        with kept:
            if options.scheduler:
                done = run_jobs(
                    count_files,
                    jobs,
                    kept=kept,
                    shared=(qnet, where),
                    scheduler=options.scheduler,
                    agree=sources,
                )
            else:
                done = run_jobs(
                    count_pictures, jobs, kept=kept, shared=(qnet, reference), here=True
                )
            for _ in track(done, f"evaluate: batches of {BATCH} images", len(jobs)):
                pass
        truth = np.array([label.class_index for label in labels])
        result = total([kept.results[name] for name in jobs], truth, reference)
        kept.path.unlink()
    return result


def count_pictures(qnet: QNetwork, reference: Reference | None, paths: list[str]) -> dict:
    """One job: what a batch of pictures tells."""
    return count(qnet, reference, load_images(paths, qnet.preprocessing))


def count_files(qnet: QNetwork, where: Original, paths: list[str]) -> dict:
    """The same on a worker, which opens what the network is compared with itself."""
    return count_pictures(qnet, _reference(where, qnet), paths)


_opened: dict[Original, Reference | None] = {}


def _reference(where: Original, qnet: QNetwork) -> Reference | None:
    """What the golden model is measured against, opened once a process."""
    if where not in _opened:
        _opened[where] = _open(where, qnet) if where.measured else None
    return _opened[where]


def _open(where: Original, qnet: QNetwork) -> Reference:
    if where.float_model is not None:
        return original(where.float_model, qnet)
    if is_bundled(where.model):
        found = bundled(where.model or DEFAULT)
        return Model(found.network, found.preprocessing, None, (), found.classes).reference()
    assert where.model is not None
    return read_model(where.model, **dict(where.given)).reference()


def original(path: str, qnet: QNetwork) -> Reference:
    """The network that ``qnet`` was made from, as far as shapes can tell."""
    net = load_network(path)
    if for_network(qnet.preprocessing, net) != qnet.preprocessing:
        raise FirebrickError(
            f"{path}: its input is {net.shapes[net.input]}, that of {qnet.name} is "
            f"{qnet.tensors[qnet.input].shape}"
        )
    return float_reference(net, qnet.preprocessing)


@cache
def sources() -> str:
    """What workers must have in common: the sources that measure, and the packages that round sums
    in their own ways."""
    measuring = sources_hash(sorted(Path(quantize.__file__).parent.rglob("*.py")))
    return f"{measuring}, {versions('numpy', 'onnxruntime', 'pillow')}"


def _absolute(path: str | None) -> str | None:
    return path if is_bundled(path) else str(Path(path or "").resolve())
