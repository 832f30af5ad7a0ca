"""Compile and run the emitted C++ for a model: :func:`build`, :func:`predict`, :func:`trace`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firebrick.host.compare import compare
from firebrick.host.program import Program as HostProgram
from firebrick.host.program import parse_program
from firebrick.host.results import scores
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.program import Program
from firebrick.hw.hls.csim import CSim
from firebrick.hw.hls4ml_backend.state import (
    CHANNELS_FIRST,
    SOFTMAX,
    engine_shape,
    quantized,
    tensors,
)
from firebrick.quantize import golden
from firebrick.quantize.errors import FirebrickError

ENGINE = "_firebrick_engine"


@dataclass(frozen=True)
class _Engine:
    """A compiled model: the library, and the network as the engine's program."""

    csim: CSim
    blob: bytes
    host: HostProgram


def program(model: Any) -> Program:
    """The model's network compiled for its engine."""
    return compile_network(quantized(model), engine_shape(model))


def build(model: Any) -> Path:
    """Compile the engine's C++ with g++ (once a shape) and the network; returns the library."""
    compiled = program(model)
    csim = CSim(engine_shape(model))
    model.__dict__[ENGINE] = _Engine(csim, compiled.blob, parse_program(compiled.blob))
    return csim.library


def predict(model: Any, x: np.ndarray) -> np.ndarray:
    """What the last layer says about ``x``, float64 [N, classes]; [classes] for one picture.

    ``x`` holds raw pixels, whole numbers 0..255 of any type, as :func:`pixels` takes them.  The
    integers come from the compiled C++; dividing them, and the Softmax where the network has one,
    are the host's part.  Raises FirebrickError for a model that has not been compiled.
    """
    return _answers(model, _sums(model, pixels(model, x)))


def trace(model: Any, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(predictions, {layer: output}) of every layer with ``Trace`` set.

    The C++ keeps on chip, or fuses away, some of the tensors: all are the golden model's, after
    the compiled engine has proved to give the golden model's answer.  A convolution that its ReLU
    has joined has no tensor of its own.
    """
    images = pixels(model, x)
    qnet = quantized(model)
    expected = golden.run(qnet, images, keep="all")
    sums = _sums(model, images)
    report = compare({"sums": sums}, {"sums": expected.sums})
    if not report.exact:
        raise FirebrickError(f"the compiled engine differs from the golden model: {report}")
    answers = _answers(model, sums)
    tensor_of = tensors(model)
    traced = {}
    for layer in model.get_layers():
        if not layer.get_attr("trace", False) or layer.name == model.inputs[0]:
            continue
        if layer.class_name == "Softmax":
            traced[layer.name] = np.atleast_2d(answers).astype(np.float32)
        elif layer.name == qnet.nodes[-1].output:
            traced[layer.name] = expected.logits.astype(np.float32)
        elif tensor_of.get(layer.name) == layer.name and layer.name in qnet.tensors:
            tensor = qnet.tensors[layer.name]
            real = np.ldexp(expected.tensors[layer.name].astype(np.float32), -tensor.exponent)
            traced[layer.name] = np.ascontiguousarray(real.transpose(0, 2, 3, 1))
    return answers, traced


def pixels(model: Any, x: np.ndarray) -> np.ndarray:
    """``x`` as uint8 [N, C, H, W].

    Accepted are [N, H, W, C] and [N, C, H, W], one picture without N, and hls4ml's flat arrays,
    which are in the order of the graph's input.  Where both orders fit, it is that order too.
    Raises FirebrickError for other shapes, and for values that are not whole pixels.
    """
    qnet = quantized(model)
    channels, height, width = qnet.tensors[qnet.input].shape
    first, last = (channels, height, width), (height, width, channels)
    channels_first = model.config.get_config_value(CHANNELS_FIRST)
    graph, other = (first, last) if channels_first else (last, first)
    x = np.asarray(x)
    if x.ndim >= 3 and x.shape[-3:] in (graph, other) and x.ndim <= 4:
        shape = graph if x.shape[-3:] == graph else other
    elif x.ndim <= 2 and x.size and x.shape[-1] % (channels * height * width) == 0:
        shape = graph
    else:
        raise FirebrickError(
            f"network {qnet.name}: its input is [N, {', '.join(map(str, graph))}] or [N, "
            f"{', '.join(map(str, other))}], not {list(x.shape)}"
        )
    x = x.reshape(-1, *shape)
    if x.dtype != np.uint8:
        whole = np.rint(x)
        if not np.array_equal(whole, x) or x.min() < 0 or x.max() > 255:
            raise FirebrickError(
                f"network {qnet.name}: its input is raw pixels, whole numbers 0..255; scale, mean "
                f"and standard deviation ({qnet.preprocessing.scale:.6g}, "
                f"{qnet.preprocessing.mean}, {qnet.preprocessing.std}) are part of the network"
            )
        x = whole.astype(np.uint8)
    return np.ascontiguousarray(x if shape == first else x.transpose(0, 3, 1, 2))


def _engine(model: Any) -> _Engine:
    engine = model.__dict__.get(ENGINE)
    if engine is None:
        raise FirebrickError(
            f"project {model.config.get_project_name()}: the model is not compiled; call compile()"
        )
    return engine


def _sums(model: Any, images: np.ndarray) -> np.ndarray:
    """The network's exact sums int64 [N, classes], those of border positions included."""
    engine = _engine(model)
    result = engine.csim.run(engine.blob, images)
    totals, _, _ = scores(result.sums, engine.host)
    return totals


def _answers(model: Any, totals: np.ndarray) -> np.ndarray:
    answers = golden.logits(quantized(model), totals)
    if model.config.get_config_value(SOFTMAX):
        powers = np.exp(answers - answers.max(axis=1, keepdims=True))
        answers = powers / powers.sum(axis=1, keepdims=True)
    return answers[0] if len(answers) == 1 else answers
