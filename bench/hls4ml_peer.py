"""hls4ml's own Vitis backend next to this project's: ``python -m firebrick.bench.hls4ml_peer``.

The same network goes through hls4ml twice, once for each backend: converted, compiled with g++,
one picture predicted.  Each runs in a process of its own with a time limit, because the C++ that
hls4ml emits may take any time, or abort the interpreter; what was reached until then counts.

hls4ml's ONNX front end does not convert SqueezeNet at this size in reasonable time, so its backend
gets the layers that this project's front end makes: the comparison is of the backends.  Its
streaming 3x3 pooling with stride 2 aborts; "v1.0-pool2" has 2x2 pooling instead, and maps of the
same sizes everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from firebrick.commands.frame import Parser, run_cli
from firebrick.quantize.architectures import ARCHITECTURES, build
from firebrick.quantize.geometry import conv_size
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Concat, Conv, GlobalAverage, MaxPool, Network
from firebrick.quantize.pictures.preprocess import float_input, for_network, preprocessing
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.paths import IMPORT_PATH
from firebrick.quantize.support.terminal import Table, new_console

NETWORKS = ("fire", "v1.0", "v1.0-pool2")
BACKENDS = ("Vitis", "Firebrick")
STEPS = ("convert", "compile", "predict")
LIMIT_SECONDS = 300
SEED = 1
CALIBRATION_IMAGES = 2
# What an hls4ml user who wants the smallest design with sound numbers would choose.
VITIS_MODEL = {
    "Precision": "ap_fixed<16,6,AP_RND_CONV,AP_SAT>",
    "ReuseFactor": 16,
    "Strategy": "Resource",
}
# In the model's precision the sum over a map saturates.
VITIS_TYPES = {"GlobalPooling2D": {"Precision": {"accum": "ap_fixed<32,22>"}}}


@dataclass(frozen=True)
class Run:
    """One network through one backend.

    Seconds of the steps that were finished; ``peak_bytes`` is the largest resident memory of the
    Python process and of the compilers it started, each on its own; ``correlation`` is that of
    the prediction with the float network's; ``error`` is empty where all steps were finished.
    """

    network: str
    backend: str
    seconds: dict[str, float]
    peak_bytes: int
    correlation: float | None
    error: str


def fire_module(rng: np.random.Generator) -> Network:
    """Fire module fire2 of SqueezeNet v1.0 (96 inputs, 16, 64 + 64) on its 55x55 map, between a
    1x1 convolution of the pixels and a classifier of ten classes."""
    shapes = {"data": (3, 55, 55)}
    nodes: list[Any] = []

    def conv(name: str, source: str, outputs: int, kernel: int = 1) -> str:
        channels, rows, cols = shapes[source]
        pad = kernel // 2
        spread = np.sqrt(2 / (channels * kernel**2))
        weights = rng.normal(0, spread, (outputs, channels, kernel, kernel)).astype(np.float32)
        bias = rng.normal(0, 0.1, outputs).astype(np.float32)
        output = f"{name}_out"
        nodes.append(Conv(name, source, output, weights, bias, 1, (pad,) * 4, True))
        shapes[output] = (
            outputs,
            conv_size(rows, kernel, 1, pad, pad),
            conv_size(cols, kernel, 1, pad, pad),
        )
        return output

    squeeze = conv("squeeze", conv("stem", "data", 96), 16)
    halves = (conv("expand1x1", squeeze, 64), conv("expand3x3", squeeze, 64, 3))
    nodes.append(Concat("fire", halves, "fire_out"))
    shapes["fire_out"] = (128, 55, 55)
    last = conv("classes", "fire_out", 10)
    nodes.append(GlobalAverage("average", last, "logits"))
    shapes["logits"] = (10, 1, 1)
    return Network("fire", "data", tuple(nodes), shapes, False)


def example(name: str) -> tuple[Network, Preprocessing, np.ndarray]:
    """A network of random weights, its preprocessing, and uint8 pictures [N, C, H, W] for it."""
    rng = np.random.default_rng(SEED)
    if name == "fire":
        net = fire_module(rng)
    else:
        net = build(ARCHITECTURES["v1.0"](), rng)
    if name == "v1.0-pool2":
        nodes = [
            replace(node, kernel=2, ceil_mode=False) if isinstance(node, MaxPool) else node
            for node in net.nodes
        ]
        net = replace(net, nodes=tuple(nodes))
    images = rng.integers(0, 256, (CALIBRATION_IMAGES, *net.shapes[net.input]), np.uint8)
    return net, for_network(preprocessing("torchvision"), net), images


def measure(network: str, backend: str, limit: float = LIMIT_SECONDS) -> Run:
    """Run one network through one backend in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        arguments = [network, backend, folder, str(report)]
        error = ""
        try:
            done = subprocess.run(
                [sys.executable, "-m", "firebrick.bench.hls4ml_peer", "--worker", *arguments],
                cwd=IMPORT_PATH,
                timeout=limit,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                error = f"ended with code {done.returncode}: {_reason(done.stderr)}"
        except subprocess.TimeoutExpired:
            error = f"not finished after {limit:.0f} s"
        state = json.loads(report.read_text()) if report.is_file() else {}
    return Run(
        network,
        backend,
        state.get("seconds", {}),
        state.get("peak_bytes", 0),
        state.get("correlation"),
        error,
    )


def _reason(output: str) -> str:
    """The last line of an error output; of a failed assertion, what was asserted."""
    lines = output.strip().splitlines() or ["no message"]
    where, assertion, what = lines[-1].partition("Assertion ")
    return f"{where.split(': void')[0]}: {assertion}{what}" if assertion else lines[-1][:200]


def figures(runs: list[Run]) -> dict[str, Any]:
    """The entries for the benchmarks' JSON file."""
    found: dict[str, Any] = {"hls4ml_runs": [asdict(run) for run in runs]}
    for run in runs:
        if run.backend == "Vitis" and run.network == "fire":
            found["hls4ml_predict_seconds"] = run.seconds.get("predict")
        if run.backend == "Vitis" and run.network == "v1.0-pool2":
            found["hls4ml_squeezenet_predict_seconds"] = run.seconds.get("predict")
    return found


def _worker(network: str, backend: str, folder: Path, report: Path) -> None:
    """The steps, their times written down after each."""
    state: dict[str, Any] = {"seconds": {}, "correlation": None}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        state["seconds"][name] = time.perf_counter() - started
        _save(state, report)

    net, prepared, images = example(network)
    with redirect_stdout(sys.stderr):
        if backend == "Vitis":
            answer = _vitis(net, prepared, images, folder, step)
        else:
            answer = _firebrick(net, prepared, images, folder, step)
    if network == "fire":
        # A thousand classes of random weights differ by less than any 8 or 16 bits resolve.
        expected = FloatModel(net).logits(float_input(images[:1], prepared))[0]
        state["correlation"] = float(np.corrcoef(np.asarray(answer).reshape(-1), expected)[0, 1])
    _save(state, report)


def _save(state: dict[str, Any], report: Path) -> None:
    peaks = [
        resource.getrusage(who).ru_maxrss * 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    report.write_text(json.dumps({**state, "peak_bytes": max(peaks)}))


def _vitis(net: Network, prepared: Preprocessing, images: np.ndarray, folder: Path, step) -> Any:
    import hls4ml
    from hls4ml.model import ModelGraph

    from firebrick.hw.hls4ml_backend.frontend import layer_list

    with step("convert"):
        layers, inputs, outputs = layer_list(net)
        config = hls4ml.utils.config.create_config(
            output_dir=str(folder / "vitis"),
            backend="Vitis",
            part="xc7z020clg400-1",
            io_type="io_stream",
            clock_period=10,
        )
        config["HLSConfig"] = {"Model": dict(VITIS_MODEL), "LayerType": VITIS_TYPES}
        model = ModelGraph.from_layer_list(config, layers, inputs, outputs)
    with step("compile"):
        model.compile()
    x = float_input(images[:1], prepared).transpose(0, 2, 3, 1)
    with step("predict"):
        return model.predict(np.ascontiguousarray(x, np.float32))


def _firebrick(
    net: Network, prepared: Preprocessing, images: np.ndarray, folder: Path, step
) -> Any:
    import hls4ml
    from hls4ml.model import ModelGraph

    from firebrick.hw.hls.csim import build_library
    from firebrick.hw.hls4ml_backend.frontend import layer_list
    from firebrick.hw.hls4ml_backend.state import engine_shape

    with step("convert"):
        layers, inputs, outputs = layer_list(net)
        config = hls4ml.utils.config.create_config(
            output_dir=str(folder / "firebrick"),
            backend="Firebrick",
            preprocessing=prepared,
            calibration=images,
        )
        config["HLSConfig"] = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}}
        model = ModelGraph.from_layer_list(config, layers, inputs, outputs)
    model.compile()
    with step("compile"):
        # The library is kept, once for all networks: built anew, for the sake of the comparison.
        build_library(engine_shape(model), folder)
        model.compile()
    with step("predict"):
        return model.predict(images[:1])


def show(runs: list[Run], console: Console) -> None:
    """Print the runs as a table."""
    table = Table(title="through hls4ml: one picture in C simulation")
    for head in ("network", "backend", *(f"{step} s" for step in STEPS), "MB", "corr."):
        table.add_column(head)
    for run in runs:
        times = [f"{run.seconds[step]:.1f}" if step in run.seconds else "-" for step in STEPS]
        correlation = "-" if run.correlation is None else f"{run.correlation:.4f}"
        size = f"{run.peak_bytes / 1e6:.0f}" if run.peak_bytes else "-"
        table.add_row(run.network, run.backend, *times, size, correlation)
    console.print(table)
    for run in runs:
        if run.error:
            console.print(f"{run.network}, {run.backend}: {run.error}")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = Parser(prog="python -m firebrick.bench.hls4ml_peer", description=__doc__)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--network", choices=NETWORKS, nargs="*", default=list(NETWORKS))
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds a run")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    if options.worker:
        network, backend, folder, report = options.worker
        _worker(network, backend, Path(folder), Path(report))
        return
    runs = [
        measure(network, backend, options.limit)
        for network in options.network
        for backend in BACKENDS
    ]
    show(runs, new_console())
    if options.json is not None:
        write_text(options.json, json.dumps(figures(runs), indent=1))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_cli(main)
