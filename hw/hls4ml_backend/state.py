"""What an adopted graph carries along: its quantized network, its engine, its tensors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hls4ml.model.graph import ModelGraph
from hls4ml.utils.link import FilesystemModelGraph

from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.quantize import qfile
from firebrick.quantize.qnetwork import QNetwork

# Attributes of the input layer, which hls4ml saves and loads with the graph.
NETWORK = "firebrick_network"
TENSORS = "firebrick_tensors"
# Entries of the configuration, which it saves with a project too.
SOFTMAX = "Softmax"
CHANNELS_FIRST = "ChannelsFirst"
# The quantized network in a written project.
NETWORK_FILE = "network.npz"


def quantized(model: ModelGraph) -> QNetwork:
    """The quantized network inside ``model``, or in the project that it is linked to."""
    cached = model.__dict__.get("_qnetwork")
    if cached is None:
        if isinstance(model, FilesystemModelGraph):
            cached = qfile.load(Path(model.config.get_output_dir()) / NETWORK_FILE)
        else:
            cached = unpack(input_layer(model).get_attr(NETWORK))
        model.__dict__["_qnetwork"] = cached
    return cached


def engine_shape(model: ModelGraph) -> EngineShape:
    """The engine that the network is compiled for."""
    return EngineShape(
        pixels=model.config.get_config_value("EnginePixels", PYNQ_Z2.pixels),
        channels=model.config.get_config_value("EngineChannels", PYNQ_Z2.channels),
    )


def tensors(model: ModelGraph) -> dict[str, str]:
    """The tensor of the quantized network that each layer's output is."""
    return input_layer(model).get_attr(TENSORS)


def input_layer(model: ModelGraph) -> Any:
    return model.graph[model.inputs[0]]


def pack(qnet: QNetwork) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        qfile.save(qnet, path)
        return np.frombuffer(path.read_bytes(), np.uint8)


def unpack(data: np.ndarray) -> QNetwork:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        path.write_bytes(data.tobytes())
        return qfile.load(path)
