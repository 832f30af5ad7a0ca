"""hls4ml's fixed<8,I> and the engine's exponents."""

from __future__ import annotations

import hls4ml
import numpy as np
import pytest
from onnx import numpy_helper

from firebrick.hw.hls4ml_backend.precision import activation_type, covering_type
from firebrick.quantize import golden
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import QConv, QGlobalSum
from tests.hw.hls4ml_backend.conftest import convert, random_pictures
from tests.quantize.importers.onnx_graphs import Graph

ACTIVATIONS = ("conv0_relu", "maxpool2", "conv3_relu", "conv5_relu", "conv7_relu", "concat9")


def model(relu: bool = True):
    """conv0, maxpool2, Fire (conv3; conv5, conv7; concat9), classifier conv10, average."""
    graph = Graph()
    x = graph.pool(graph.relu(graph.conv("x", 3, 6, 3, strides=[2, 2])))
    if relu:
        x = graph.fire(x, 6, 4, 5)
    else:
        squeezed = graph.add("Identity", graph.conv(x, 6, 4))
        halves = [
            graph.add("Identity", graph.conv(squeezed, 4, 5)),
            graph.add("Identity", graph.conv(squeezed, 4, 5, 3, pads=[1] * 4)),
        ]
        x = graph.add("Concat", *halves, axis=1)
    return graph.model(graph.add("GlobalAveragePool", graph.head(x, 10)), rank=4)


def configured(network, precisions: dict[str, object], granularity: str = "name") -> dict:
    """hls4ml's configuration with results by layer; a dictionary sets several variables."""
    config = hls4ml.utils.config_from_onnx_model(
        network, granularity=granularity, backend="Firebrick"
    )
    for layer, value in precisions.items():
        values = value if isinstance(value, dict) else {"result": value}
        config["LayerName"][layer]["Precision"].update(values)
    return config


def check_engine(converted, images) -> None:
    converted.compile()
    expected = golden.run(converted.qnetwork, images).logits
    np.testing.assert_array_equal(converted.predict(images), expected)


def test_a_precision_for_every_layer_needs_no_calibration(tmp_path):
    network = model()
    wanted = {
        "conv0_relu": "ufixed<8,3>",
        "conv3_relu": "ufixed<8,2>",
        "conv5_relu": "ufixed<8,4>",
        "conv7_relu": "ufixed<8,4,RND_CONV,SAT>",
    }
    converted = convert(network, tmp_path, hls_config=configured(network, wanted))
    exponents = {name: t.exponent for name, t in converted.qnetwork.tensors.items()}
    assert exponents == {
        "x": 0,
        "conv0_relu": 5,
        "maxpool2": 5,
        "conv3_relu": 6,
        "conv5_relu": 4,
        "conv7_relu": 4,
        "concat9": 4,
    }
    for node in converted.qnetwork.nodes:
        if isinstance(node, QConv):
            e_in, e_out = exponents[node.input], exponents[node.output]
            np.testing.assert_array_equal(node.shift, e_in + node.weight_exponent - e_out)
    check_engine(converted, random_pictures(network))


def test_stated_exponents_equal_the_calibrated_ones(tmp_path):
    """The exponents that calibration chooses, stated by hand, give the same integers."""
    network = model()
    images = random_pictures(network, 12)
    calibrated = convert(network, tmp_path, calibration=images).qnetwork
    wanted = {
        name: f"ufixed<8,{8 - tensor.exponent}>"
        for name, tensor in calibrated.tensors.items()
        if name.startswith("conv")
    }
    stated = convert(network, tmp_path, hls_config=configured(network, wanted)).qnetwork
    assert stated.tensors == calibrated.tensors
    for ours, theirs in zip(stated.nodes, calibrated.nodes, strict=True):
        if isinstance(ours, QConv | QGlobalSum):
            for name in ("weights", "bias", "weight_exponent"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_calibration_fills_what_is_not_stated(tmp_path):
    network = model()
    images = random_pictures(network, 12)
    calibrated = convert(network, tmp_path, calibration=images).qnetwork
    config = configured(network, {"conv3_relu": "ufixed<8,7>"})
    mixed = convert(network, tmp_path, hls_config=config, calibration=images)
    for name, tensor in mixed.qnetwork.tensors.items():
        assert tensor.exponent == (1 if name == "conv3_relu" else calibrated.tensors[name].exponent)
    check_engine(mixed, images)


@pytest.mark.parametrize("granularity", ["model", "type"])
def test_precision_for_the_model_or_a_type(granularity, tmp_path):
    network = model()
    config = hls4ml.utils.config_from_onnx_model(
        network, granularity=granularity, backend="Firebrick"
    )
    if granularity == "model":
        config["Model"]["Precision"]["default"] = "fixed<8,3>"
    else:
        config["LayerType"]["Activation"]["Precision"]["result"] = "ufixed<8,3>"
        with pytest.raises(FirebrickError, match=r"layer \w+: its precision ufixed<8,3.* exact"):
            convert(network, tmp_path, hls_config=config)
        return
    converted = convert(network, tmp_path, hls_config=config)
    exponents = {t.exponent for n, t in converted.qnetwork.tensors.items() if n != "x"}
    assert exponents == {5}


def test_a_signed_type_fits_layers_without_relu(tmp_path):
    network = model(relu=False)
    wanted = {"conv0_relu": "ufixed<8,3>"} | dict.fromkeys(
        ("conv3", "conv5", "conv7"), "fixed<8,4>"
    )
    converted = convert(network, tmp_path, hls_config=configured(network, wanted))
    tensor = converted.qnetwork.tensors["conv3"]
    assert tensor.signed and tensor.exponent == 4
    check_engine(converted, random_pictures(network))
    wanted["conv3"] = "ufixed<8,4>"
    with pytest.raises(FirebrickError, match=r"layer conv3: .*without sign; .*give fixed<8,I>"):
        convert(network, tmp_path, hls_config=configured(network, wanted))


def test_one_weight_scale_for_a_layer(tmp_path):
    network = model()
    images = random_pictures(network, 8)
    config = configured(network, {"conv3": {"weight": "fixed<8,3>"}})
    converted = convert(network, tmp_path, hls_config=config, calibration=images)
    node = next(n for n in converted.qnetwork.nodes if n.name == "conv3")
    assert set(node.weight_exponent.tolist()) == {5}
    kind = converted.graph["conv3"].get_weights("weight").type.precision
    assert (kind.width, kind.integer) == (8, 3)
    check_engine(converted, images)


@pytest.mark.parametrize(
    ("precisions", "message"),
    [
        ({"conv0_relu": "fixed<16,6>"}, "layer conv0_relu: .*fixed<16,6.*supported is 8 bits"),
        ({"conv0_relu": "ufixed<8,3,RND,SAT>"}, "layer conv0_relu: .*rounds half to even"),
        ({"conv0_relu": "ufixed<8,3,TRN,SAT>"}, "layer conv0_relu: .*rounds half to even"),
        (
            {"conv5_relu": "ufixed<8,3>", "conv7_relu": "ufixed<8,4>"},
            "layer conv7_relu: .* differs from that of layer conv5_relu",
        ),
        ({"conv0": "ufixed<8,3>", "conv0_relu": "ufixed<8,2>"}, "layer conv0_relu: .* differs"),
        ({"maxpool2": "ufixed<8,3>", "conv0": "ufixed<8,4>"}, "layer maxpool2: .* differs"),
        ({"conv10": "fixed<8,4>"}, "layer conv10: .*exact"),
        ({"x": "ufixed<8,3>"}, "layer x: .*pixels"),
        ({"conv0": {"bias": "fixed<8,3>"}}, "layer conv0: its precision for bias .*exact"),
        ({"conv0": {"accum": "fixed<24,8>"}}, "layer conv0: its precision for accum .*exact"),
        ({"conv0": {"weight": "fixed<6,2>"}}, "layer conv0: .*weight is .*supported is 8"),
        ({"conv3_relu": "ufixed<8,-12>"}, "layer conv3, channel .*give fixed<8,-?[0-9]+>"),
    ],
)
def test_what_the_engine_does_not_compute_is_refused(precisions, message, tmp_path):
    network = model()
    config = configured(network, precisions)
    with pytest.raises(FirebrickError, match=message):
        convert(network, tmp_path, hls_config=config, calibration=random_pictures(network))


def test_a_layer_without_range_is_named(tmp_path):
    network = model()
    config = configured(network, {"conv0_relu": "ufixed<8,3>", "conv5_relu": "ufixed<8,3>"})
    with pytest.raises(FirebrickError, match=r"layer conv3: has no precision .*\(1 of 3 have"):
        convert(network, tmp_path, hls_config=config)


def stated_everywhere(network, folder, extra=None):
    """All three groups of tensors at stated exponents; returns the model."""
    names = ("conv0_relu", "conv3_relu", "conv5_relu")
    config = configured(network, {**dict.fromkeys(names, "ufixed<8,4>"), **(extra or {})})
    return convert(network, folder, hls_config=config)


def set_constants(network, layer: str, weights=None, bias=None) -> None:
    """Change channel 1 of a convolution's weights or bias in place."""
    node = next(node for node in network.graph.node if node.name == layer)
    for name, value in zip(node.input[1:], (weights, bias), strict=True):
        if value is not None:
            tensor = next(t for t in network.graph.initializer if t.name == name)
            array = numpy_helper.to_array(tensor).copy()
            array[1] = value
            tensor.CopyFrom(numpy_helper.from_array(array, name))


def test_a_large_bias_costs_its_channel_resolution(tmp_path):
    network = model()
    set_constants(network, "conv3", bias=3000.0)
    node = next(n for n in stated_everywhere(network, tmp_path).qnetwork.nodes if n.name == "conv3")
    # 3000 * 2**(4 + 6) is within 2**22, at one bit more it is not.
    assert node.bias[1] == 3000 << (4 + int(node.weight_exponent[1]))
    assert abs(int(node.bias[1])) <= 1 << 22 < 2 * abs(int(node.bias[1]))


def test_a_channel_of_zeros_only_rounds_its_bias(tmp_path):
    network = model()
    set_constants(network, "conv3", weights=0.0, bias=1.25)
    converted = stated_everywhere(network, tmp_path)
    node = next(n for n in converted.qnetwork.nodes if n.name == "conv3")
    assert node.shift[1] == 0 and node.bias[1] == 20 and not node.weights[1].any()


def test_sums_beyond_the_accumulator_are_refused(tmp_path):
    network = model()
    set_constants(network, "conv3", bias=5000.0)
    with pytest.raises(FirebrickError, match=r"layer conv3, channel 1: .*accumulator of 24 bits"):
        stated_everywhere(network, tmp_path, {"conv3": {"weight": "fixed<8,0>"}})


def test_types_hold_exactly_their_values():
    kind = activation_type(5, signed=False)
    assert str(kind) == "ufixed<8,3,RND_CONV,SAT,0>"
    kind = covering_type(8, np.array([4, 7, 5]))
    # 127 * 2**-4 needs 3 bits and sign ahead of the point, 2**-7 seven behind it.
    assert (kind.width, kind.integer, kind.fractional) == (11, 4, 7)
