"""Deep Compression files: a synthetic one for the format, the published one for its weights."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from firebrick.quantize.architectures import layer_shapes
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.net import CONFIG, import_net
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Conv
from tests.conftest import PUBLISHED

SHAPES = layer_shapes(CONFIG)


def encode(rng: np.random.Generator) -> tuple[bytes, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """A file of random entries, and the weights that it stands for, entry by entry."""
    counts, bodies, expected = [], [], {}
    for name, shape in SHAPES.items():
        places = int(np.prod(shape))
        # Odd and even numbers of entries, so that the last byte of gaps is half and fully used.
        gaps = rng.integers(0, 16, min(places // 16, 50 + len(counts)))
        codes = rng.integers(0, 256, len(gaps))
        codebook = rng.standard_normal(256).astype("<f4")
        bias = rng.standard_normal(shape[0]).astype("<f4")
        flat = np.full(places, codebook[0])
        position = -1
        for gap, code in zip(gaps, codes, strict=True):
            position += int(gap) + 1
            flat[position] = codebook[code]
        packed = bytearray((len(gaps) + 1) // 2)
        for index, gap in enumerate(gaps):
            packed[index // 2] |= int(gap) << (4 * (index % 2))
        counts.append(len(gaps))
        bodies.append(codebook.tobytes() + bias.tobytes() + bytes(codes.tolist()) + packed)
        expected[name] = (flat.reshape(shape), bias)
    return struct.pack("<26I", *counts) + b"".join(bodies), expected


@pytest.fixture(scope="module")
def synthetic() -> tuple[bytes, dict[str, tuple[np.ndarray, np.ndarray]]]:
    return encode(np.random.default_rng(0))


def refusal(tmp_path: Path, data: bytes) -> str:
    """The message that refuses ``data``; it names the file and is one line."""
    path = tmp_path / "bad.net"
    path.write_bytes(data)
    with pytest.raises(FirebrickError) as caught:
        import_net(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


def test_every_entry_lands_where_its_gaps_say(tmp_path, synthetic):
    data, expected = synthetic
    path = tmp_path / "made.net"
    path.write_bytes(data)
    net = import_net(path)
    convs = [node for node in net.nodes if isinstance(node, Conv)]
    assert [conv.name for conv in convs] == list(expected)
    for conv in convs:
        np.testing.assert_array_equal(conv.weights, expected[conv.name][0], conv.name)
        np.testing.assert_array_equal(conv.bias, expected[conv.name][1], conv.name)
        assert conv.weights.dtype == conv.bias.dtype == np.float32
    assert net.name == "made" and net.softmax
    assert net.shapes[net.input] == (3, 227, 227) and net.shapes["conv10"] == (1000, 15, 15)


def test_the_published_file_is_the_published_onnx(shared_data):
    net = import_net(shared_data / PUBLISHED)
    onnx = import_onnx(shared_data / "squeezenet_v1.0_imagenet.onnx")
    for a, b in zip(net.nodes, onnx.nodes, strict=True):
        assert type(a) is type(b)
        if isinstance(a, Conv) and isinstance(b, Conv):
            np.testing.assert_array_equal(a.weights, b.weights, a.name)
            np.testing.assert_array_equal(a.bias, b.bias, a.name)
            assert (a.stride, a.padding, a.relu) == (b.stride, b.padding, b.relu)
    assert list(net.shapes.values())[:-1] == list(onnx.shapes.values())[:-1]


@pytest.mark.parametrize("keep", [0, 3, 103, 104, 5000, -1])
def test_truncated_files_are_refused(tmp_path, synthetic, keep):
    message = refusal(tmp_path, synthetic[0][:keep])
    assert "truncated" in message


def test_longer_files_are_refused(tmp_path, synthetic):
    assert "too long or altered" in refusal(tmp_path, synthetic[0] + b"\0")


def test_altered_counts_are_refused(tmp_path, synthetic):
    data = bytearray(synthetic[0])
    data[4:8] = struct.pack("<I", struct.unpack("<I", data[4:8])[0] + 2)
    assert "but its header states" in refusal(tmp_path, bytes(data))
    data[4:8] = b"\xff" * 4
    assert "layer fire2/squeeze1x1: 4294967295 stored weights" in refusal(tmp_path, bytes(data))


def test_other_files_are_refused(tmp_path):
    refusal(tmp_path, b"PNG" * 300_000)
    with pytest.raises(FirebrickError, match=r"none\.net: cannot be read"):
        import_net(tmp_path / "none.net")


@pytest.mark.parametrize(("offset", "what"), [(0, "codebook"), (4 * 256, "biases")])
def test_numbers_that_are_not_finite_are_refused(tmp_path, synthetic, offset, what):
    data = bytearray(synthetic[0])
    data[104 + offset : 108 + offset] = struct.pack("<f", float("nan"))
    assert f"layer conv1: number 0 of its {what} is nan" in refusal(tmp_path, bytes(data))


def test_gaps_beyond_the_layer_are_refused(tmp_path):
    rng = np.random.default_rng(1)
    count = int(np.prod(SHAPES["conv1"])) // 16 + 10
    body = rng.standard_normal(256 + 96).astype("<f4").tobytes() + bytes(count)
    body += b"\xff" * ((count + 1) // 2 - 1) + b"\xff" * (1 - count % 2) + b"\x0f" * (count % 2)
    counts = [count]
    for shape in list(SHAPES.values())[1:]:
        counts.append(0)
        body += bytes(4 * (256 + shape[0]))
    message = refusal(tmp_path, struct.pack("<26I", *counts) + body)
    assert f"layer conv1: its gaps lead to weight {16 * count - 1}, but it has 14112" in message


def test_a_filled_last_half_byte_is_refused(tmp_path):
    body, counts = b"", []
    for shape in SHAPES.values():
        counts.append(1)
        body += bytes(4 * (256 + shape[0])) + b"\0" + b"\x20"
    assert "filling after its last gap is 2" in refusal(
        tmp_path, struct.pack("<26I", *counts) + body
    )
