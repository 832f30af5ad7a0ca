"""hls4ml's own layers under construction, and the chain that most tests begin with."""

from __future__ import annotations

import hls4ml
import numpy as np
from hls4ml.model import ModelGraph

from tests.hw.hls4ml_backend.conftest import ENGINE, PLAIN

SIZE = 11


class Layers:
    """A list of hls4ml layers under construction, channels last."""

    def __init__(self, channels: int = 3) -> None:
        self.rng = np.random.default_rng(4)
        self.shapes = {"pixels": (SIZE, SIZE, channels)}
        self.layers: list[dict] = [
            {"name": "pixels", "class_name": "InputLayer", "input_shape": [SIZE, SIZE, channels]}
        ]

    def add(self, kind: str, name: str, source: str, shape=None, **attributes) -> str:
        self.shapes[name] = shape or self.shapes[source]
        self.layers.append({"name": name, "class_name": kind, "inputs": [source], **attributes})
        return name

    def conv(self, name: str, source: str, outputs: int, kernel: int = 1, **more) -> str:
        rows, cols, channels = self.shapes[source]
        made = (rows - kernel + 1, cols - kernel + 1, outputs)
        values = {
            "in_height": rows,
            "in_width": cols,
            "out_height": made[0],
            "out_width": made[1],
            "n_chan": channels,
            "n_filt": outputs,
            "filt_height": kernel,
            "filt_width": kernel,
            "stride_height": 1,
            "stride_width": 1,
            "pad_top": 0,
            "pad_bottom": 0,
            "pad_left": 0,
            "pad_right": 0,
            "data_format": "channels_last",
            "weight_data": self.rng.normal(0, 0.3, (kernel, kernel, channels, outputs)),
            "bias_data": self.rng.normal(0, 0.3, outputs),
        }
        return self.add("Conv2D", name, source, made, **{**values, **more})

    def activation(self, name: str, source: str, function: str = "relu") -> str:
        return self.add("Activation", name, source, activation=function)

    def pool(self, name: str, source: str, kind: str = "Max", **more) -> str:
        rows, cols, channels = self.shapes[source]
        values = {
            "in_height": rows,
            "in_width": cols,
            "out_height": rows // 2,
            "out_width": cols // 2,
            "n_filt": channels,
            "pool_height": 2,
            "pool_width": 2,
            "stride_height": 2,
            "stride_width": 2,
            "pad_top": 0,
            "pad_bottom": 0,
            "pad_left": 0,
            "pad_right": 0,
            "data_format": "channels_last",
        } | more
        made = (values["out_height"], values["out_width"], channels)
        return self.add(f"{kind}Pooling2D", name, source, made, **values)

    def concat(self, name: str, first: str, second: str, axis: int = 3) -> str:
        rows, cols, channels = self.shapes[first]
        made = (rows, cols, channels + self.shapes[second][2])
        self.add("Concatenate", name, first, made, op="concatenate3d", axis=axis)
        self.layers[-1]["inputs"].append(second)
        return name

    def average(self, name: str, source: str, kind: str = "Average", **more) -> str:
        rows, cols, channels = self.shapes[source]
        values = {"in_height": rows, "in_width": cols, "n_filt": channels} | more
        return self.add(
            f"Global{kind}Pooling2D", name, source, data_format="channels_last", **values
        )

    def convert(self, folder, **options) -> ModelGraph:
        images = np.random.default_rng(1).integers(
            0, 256, (4, *self.shapes["pixels"][2:], SIZE, SIZE), np.uint8
        )
        options = {"preprocessing": PLAIN, "calibration": images, **ENGINE, **options}
        config = hls4ml.utils.config.create_config(
            output_dir=str(folder / "project"), backend="Firebrick", **options
        )
        config["HLSConfig"] = {"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}}
        return ModelGraph.from_layer_list(config, self.layers)


def chain(layers: Layers) -> str:
    """conv, relu, pool, conv, relu: what precedes the average in most tests here."""
    x = layers.activation("relu1", layers.conv("conv1", "pixels", 6, 3))
    return layers.activation("relu2", layers.conv("conv2", layers.pool("pool1", x), 5))
