"""The graph of this backend: hls4ml's own, with the quantized network inside.

hls4ml makes a ModelGraph in several places (one a front end, one when loading a saved model).
:func:`adopt`, run as a pass, turns each into a :class:`FirebrickModel`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hls4ml.model.graph import HLSConfig, ModelGraph

from firebrick.hw.hls4ml_backend import pytorch, simulation
from firebrick.hw.hls4ml_backend.frontend import IMPORTED
from firebrick.hw.hls4ml_backend.lower import Lowered, lower
from firebrick.hw.hls4ml_backend.precision import activation_type, covering_type, stated
from firebrick.hw.hls4ml_backend.quantization import quantize, take_over_file
from firebrick.hw.hls4ml_backend.state import (
    CHANNELS_FIRST,
    NETWORK,
    SOFTMAX,
    TENSORS,
    input_layer,
    pack,
    quantized,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.fixed_point import ACCUMULATOR_BITS
from firebrick.quantize.pictures.preprocess import for_network, list_images, load_images
from firebrick.quantize.pictures.preprocess import preprocessing as make_preprocessing
from firebrick.quantize.qnetwork import Preprocessing, QConv, QGlobalSum, QNetwork

BIAS_BITS = 32


class FirebrickConfig(HLSConfig):
    """hls4ml's configuration, saved without the calibration images (as without the model that
    was converted): the quantized network is saved instead."""

    def serialize(self) -> dict[str, Any]:
        state = super().serialize()
        state["config"].pop("Calibration", None)
        return state


class FirebrickModel(ModelGraph):
    """A ModelGraph that computes on the engine's C++."""

    def _compile(self) -> None:
        self.config.backend.compile(self)

    def trace(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(predictions, {layer: output}) for every layer with ``Trace`` set that has an output of
        its own; float32 [N, height, width, channels], or [N, classes]."""
        self.config.trace_output = True
        self.compile()
        return simulation.trace(self, x)

    @property
    def qnetwork(self) -> QNetwork:
        """The quantized network."""
        return quantized(self)


def adopt(model: ModelGraph) -> None:
    """Make ``model`` one of this backend: quantized, its types shown, its methods the engine's.

    A model that was saved brings its quantized network along.  Raises FirebrickError for what
    lowering and quantization refuse.
    """
    model.__class__ = FirebrickModel
    model.config.__class__ = FirebrickConfig
    source = input_layer(model)
    if source.get_attr(NETWORK) is not None:
        return
    pytorch.check(model)
    lowered = lower(model)
    imported = source.get_attr(IMPORTED)
    if imported is not None:
        source.set_attr(IMPORTED, None)
        qnet = take_over_file(
            imported.model,
            lowered.network,
            model.config.get_config_value("Preprocessing"),
            stated(model, lowered),
        )
    else:
        qnet = quantize(
            lowered.network,
            _preprocessing(model),
            _calibration(model, lowered),
            stated(model, lowered),
        )
    source.set_attr(NETWORK, pack(qnet))
    source.set_attr(TENSORS, lowered.tensor_of)
    model.config.config[SOFTMAX] = lowered.network.softmax
    model.config.config[CHANNELS_FIRST] = lowered.channels_first
    _show_types(model, lowered, qnet)


def _preprocessing(model: ModelGraph) -> Preprocessing:
    value = model.config.get_config_value("Preprocessing")
    if isinstance(value, dict):
        return make_preprocessing(**value)
    return make_preprocessing(value)


def _calibration(model: ModelGraph, lowered: Lowered) -> np.ndarray | None:
    """The calibration images, uint8 [N, C, H, W]."""
    value = model.config.get_config_value("Calibration")
    if value is None:
        return None
    net = lowered.network
    if isinstance(value, str):
        path = Path(value)
        if path.suffix == ".npy":
            if not path.is_file():
                raise FirebrickError(f"{path}: no such file of calibration images")
            value = np.load(path, allow_pickle=False)
        else:
            return load_images(list_images(path), for_network(_preprocessing(model), net))
    first = net.shapes[net.input]
    last = (*first[1:], first[0])
    images = np.asarray(value)
    if images.ndim == 4 and images.shape[1:] == last != first:
        images = images.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images)


def _show_types(model: ModelGraph, lowered: Lowered, qnet: QNetwork) -> None:
    """Set every layer's precision to what the hardware computes in."""
    convs = {node.name: node for node in qnet.nodes if isinstance(node, QConv | QGlobalSum)}
    sums = None
    for layer in model.get_layers():
        tensor = lowered.tensor_of.get(layer.name)
        node = convs.get(layer.name)
        if node is not None:
            exact = node.weight_exponent + qnet.tensors[node.input].exponent
            sums = covering_type(ACCUMULATOR_BITS, exact)
            layer.get_weights("weight").update_precision(covering_type(8, node.weight_exponent))
            layer.get_weights("bias").update_precision(covering_type(BIAS_BITS, exact))
            if layer.get_attr("accum_t") is not None:
                layer.get_attr("accum_t").precision = sums
        known = qnet.tensors.get(tensor) if tensor is not None else None
        if known is not None:
            kind = activation_type(known.exponent, known.signed)
        elif sums is not None:
            # The last convolution and the average: exact, one scale a class.
            kind = sums
        else:
            continue
        layer.get_output_variable().type.precision = kind
        if layer.get_attr("result_t") is not None:
            layer.get_attr("result_t").precision = kind
