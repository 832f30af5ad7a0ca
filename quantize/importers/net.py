"""Import SqueezeNet as Deep Compression published it: :func:`import_net`.

The ``.net`` file holds pruned weights as indices into codebooks.  Little-endian, in order: for
all convolutions (26 in v1.0) the number of stored entries (uint32); then for each convolution a
codebook of 256 float32, the biases float32, one uint8 index per stored entry, and the gaps before
the entries, 4 bits each, two a byte, the low nibble first, rounded up to whole bytes.  An entry's
position in the flattened [outputs, inputs, rows, columns] is the running sum of (gap + 1), less 1;
positions that no entry names hold entry 0 of the codebook.  Han, Mao and Dally, "Deep Compression"
(arXiv 1510.00149).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from firebrick.quantize.architectures import (
    SqueezeNetConfig,
    layer_shapes,
    squeezenet_v1_0,
    with_weights,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.support.pointer import is_pointer

CODEBOOK = 256
GAP_BITS = 4

# The published network: conv10 pads its 13x13 input by 1.
CONFIG = replace(squeezenet_v1_0(), conv10_padding=1)


def import_net(path: str | Path, config: SqueezeNetConfig = CONFIG) -> Network:
    """The float network of a Deep Compression file: SqueezeNet v1.0 on 227x227 BGR pictures.

    The network's input is BGR less (104, 117, 123).  The file does not tell its layers; ``config``
    is that of a file which :mod:`quantize.exporters.net` wrote for another network, as
    :func:`read_config` finds it.  Raises
    FirebrickError in one line, naming the file and the layer, unless the file has the exact size
    that its own header states, its entries fit their layers and all numbers are finite.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FirebrickError(f"{path}: cannot be read ({error.strerror})") from error
    if is_pointer(path):
        raise FirebrickError(
            f"{path}: is a Git LFS pointer and not the network itself: run git lfs pull"
        )
    shapes = layer_shapes(config)
    counts = _entry_counts(path, data, shapes)
    weights: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    start = 4 * len(shapes)
    for (name, shape), count in zip(shapes.items(), counts, strict=True):
        codebook = np.frombuffer(data, "<f4", CODEBOOK, start)
        start += codebook.nbytes
        bias = np.frombuffer(data, "<f4", shape[0], start)
        start += bias.nbytes
        codes = np.frombuffer(data, np.uint8, count, start)
        start += codes.nbytes
        gaps = np.frombuffer(data, np.uint8, _gap_bytes(count), start)
        start += gaps.nbytes
        for what, numbers in (("codebook", codebook), ("biases", bias)):
            if not np.isfinite(numbers).all():
                index = int(np.argmin(np.isfinite(numbers)))
                raise FirebrickError(
                    f"{path}: layer {name}: number {index} of its {what} is {numbers[index]}; "
                    "the file is altered"
                )
        flat = _decode(path, name, codebook, codes, gaps, int(np.prod(shape)))
        weights[name] = (flat.reshape(shape), bias.astype(np.float32))
    return with_weights(config, weights, name=path.stem)


def config_path(path: str | Path) -> Path:
    """Where the configuration of a .net file's network is, if it is another than the published."""
    return Path(f"{path}.json")


def read_config(path: str | Path) -> SqueezeNetConfig:
    """The configuration beside a .net file, the published network's where there is none.

    Raises FirebrickError naming the file when it holds no configuration.
    """
    described = config_path(path)
    if not described.is_file():
        return CONFIG
    try:
        fields = json.loads(described.read_text())["architecture"]
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
        return SqueezeNetConfig(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, FirebrickError) as error:
        raise FirebrickError(
            f"{described}: does not describe the network of {path}; compress it again"
        ) from error


def _entry_counts(
    path: Path, data: bytes, shapes: dict[str, tuple[int, int, int, int]]
) -> list[int]:
    """Stored entries per layer; FirebrickError unless they account for every byte of the file."""
    header = 4 * len(shapes)
    if len(data) < header:
        raise FirebrickError(
            f"{path}: {len(data)} bytes are fewer than the {header} of a .net header; the file is "
            "truncated"
        )
    counts = [int(count) for count in np.frombuffer(data, "<u4", len(shapes))]
    size = header
    for (name, shape), count in zip(shapes.items(), counts, strict=True):
        places = int(np.prod(shape))
        if count > places:
            raise FirebrickError(
                f"{path}: layer {name}: {count} stored weights are more than its {places}; this "
                "is not a Deep Compression file of SqueezeNet v1.0, or it is altered"
            )
        size += 4 * (CODEBOOK + shape[0]) + count + _gap_bytes(count)
    if len(data) != size:
        change = "truncated" if len(data) < size else "too long"
        raise FirebrickError(
            f"{path}: has {len(data)} bytes, but its header states layers of {size} in all; the "
            f"file is {change} or altered"
        )
    return counts


def _gap_bytes(count: int) -> int:
    return (count * GAP_BITS + 7) // 8


def _decode(
    path: Path, name: str, codebook: np.ndarray, codes: np.ndarray, gaps: np.ndarray, places: int
) -> np.ndarray:
    """The flattened float32 weights of one layer."""
    nibbles = np.stack((gaps & 0xF, gaps >> 4), axis=1).reshape(-1)
    if len(nibbles) > len(codes) and nibbles[-1] != 0:
        raise FirebrickError(
            f"{path}: layer {name}: the filling after its last gap is {nibbles[-1]}, not 0; the "
            "file is altered"
        )
    positions = np.cumsum(nibbles[: len(codes)].astype(np.int64) + 1) - 1
    if len(positions) and positions[-1] >= places:
        raise FirebrickError(
            f"{path}: layer {name}: its gaps lead to weight {positions[-1]}, but it has {places}; "
            "the file is altered"
        )
    indices = np.zeros(places, np.uint8)
    indices[positions] = codes
    return codebook[indices].astype(np.float32)
