"""The float network in NumPy against onnxruntime, and the threads that it runs in."""

import dataclasses
import threading

import numpy as np
import onnx
import onnxruntime
import pytest

from firebrick.models.digits import MODEL_PATH, load_digits_split
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.pictures.preprocess import (
    float_input,
    for_network,
    list_images,
    load_images,
    preprocessing,
)
from firebrick.quantize.support.parallel import parallel_map


def run_onnx(model: onnx.ModelProto, feed: np.ndarray, name: str) -> np.ndarray:
    """The value of any tensor of the graph."""
    del model.graph.output[:]
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run([name], {session.get_inputs()[0].name: feed})[0]


def test_digits_equal_onnxruntime():
    net = import_onnx(MODEL_PATH)
    prepared = for_network(preprocessing("digits"), net)
    feed = float_input(load_digits_split()[2][:50], prepared)
    found = FloatModel(net).logits(feed)
    expected = run_onnx(onnx.load(MODEL_PATH), feed, net.nodes[-1].output)
    np.testing.assert_allclose(found, expected.reshape(found.shape), rtol=1e-3, atol=1e-4)


def test_squeezenet_equals_onnxruntime(shared_data):
    path = shared_data / "squeezenet_v1.0_imagenet.onnx"
    net = import_onnx(path)
    prepared = for_network(preprocessing("caffe-squeezenet"), net)
    files = list_images(shared_data / "imagenet" / "images")[::50]
    feed = float_input(load_images(files, prepared), prepared)
    found = FloatModel(net).logits(feed)
    expected = run_onnx(onnx.load(path), feed, net.nodes[-1].output).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(small_network, value):
    first = small_network.nodes[0]
    weights = first.weights.copy()
    weights[2, 1, 0, 2] = value
    nodes = (dataclasses.replace(first, weights=weights), *small_network.nodes[1:])
    with pytest.raises(FirebrickError, match=rf"layer first: weight\[2, 1, 0, 2\] is {value}"):
        FloatModel(dataclasses.replace(small_network, nodes=nodes))


def test_parallel_results_come_in_order_and_a_few_at_a_time():
    started = []
    lock = threading.Lock()

    def square(number):
        with lock:
            started.append(number)
        return number * number

    results = parallel_map(square, range(1000))
    assert next(results) == 0
    # What has not been asked for is not computed ahead, but for a few.
    assert len(started) < 500
    assert list(results) == [number * number for number in range(1, 1000)]


def test_an_exception_in_a_thread_reaches_the_caller():
    def fail(number):
        if number == 7:
            raise FirebrickError("seven")
        return number

    with pytest.raises(FirebrickError, match="seven"):
        list(parallel_map(fail, range(50)))
