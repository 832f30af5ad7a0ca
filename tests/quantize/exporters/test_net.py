"""Deep Compression, written and read back: pruning, shared values, entries, sizes, the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from firebrick.commands.compress import main
from firebrick.models.digits import MODEL_PATH
from firebrick.quantize.architectures import (
    SqueezeNetConfig,
    build,
    layer_shapes,
    squeezenet_v1_0,
    squeezenet_v1_1,
    with_weights,
)
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.exporters import deep_compression
from firebrick.quantize.exporters.deep_compression import (
    PUBLISHED_DENSITY,
    compress,
    huffman_bits,
    parse_sparsity,
)
from firebrick.quantize.exporters.net import config_of, net_bytes, write_net
from firebrick.quantize.importers.load import load_model, load_network
from firebrick.quantize.importers.net import CONFIG, import_net
from firebrick.quantize.importers.onnx.model import import_onnx
from firebrick.quantize.network import Conv, Network
from firebrick.quantize.report import figures
from tests.commands.run import command
from tests.conftest import PUBLISHED
from tests.quantize import builders

# Three Fire modules; channels enough for long gaps.
SMALL = SqueezeNetConfig(
    name="small", base_expand=32, incr_expand=16, modules=3, first_filters=16,
    pool_after=("conv1",), classes=30, input_size=(35, 41),
)  # fmt: skip


def convs(net: Network) -> list[Conv]:
    return [node for node in net.nodes if isinstance(node, Conv)]


def same_weights(one: Network, two: Network) -> bool:
    pairs = list(zip(convs(one), convs(two), strict=True))
    return all(
        np.array_equal(a.weights, b.weights) and np.array_equal(a.bias, b.bias) for a, b in pairs
    )


@pytest.fixture(scope="module")
def random_net() -> Network:
    return build(SMALL, np.random.default_rng(4))


@settings(max_examples=12)
@given(
    st.sampled_from([0.0, 0.3, 0.9, 0.99, 0.999]),
    st.integers(1, 8),
    st.integers(0, 2**16),
)
def test_what_is_written_is_read_back(tmp_path_factory, sparsity, bits, seed):
    net = build(SMALL, np.random.default_rng(seed))
    compressed = compress(net, sparsity, bits)
    path = tmp_path_factory.mktemp("net") / "small.net"
    write_net(compressed, path, SMALL)
    found = import_net(path, SMALL)
    assert same_weights(found, compressed.network)
    assert path.stat().st_size == deep_compression.sizes(compressed).net
    total = sum(conv.weights.size for conv in convs(net))
    kept = sum(layer.kept for layer in compressed.layers)
    assert kept == sum(np.count_nonzero(conv.weights) for conv in convs(found))
    assert kept == round((1 - sparsity) * total)
    for before, after in zip(convs(net), convs(found), strict=True):
        np.testing.assert_array_equal(before.bias, after.bias)
        assert len(np.unique(after.weights[after.weights != 0])) < 2**bits
        # What is left lies where the largest weights of its layer were.
        left = after.weights != 0
        if left.any() and not left.all():
            assert np.abs(before.weights[left]).min() >= np.abs(before.weights[~left]).max()


def test_the_published_file_is_written_again(shared_data, tmp_path):
    """At its own sparsity the published network loses nothing, in as many bytes."""
    published = import_net(shared_data / PUBLISHED)
    compressed = compress(published)
    path = tmp_path / "again.net"
    write_net(compressed, path)
    assert path.stat().st_size == (shared_data / PUBLISHED).stat().st_size == 675_763
    assert same_weights(import_net(path), published)
    # Codebooks may list their values in another order; gaps and counts are the same bytes.
    one, two = (shared_data / PUBLISHED).read_bytes(), path.read_bytes()
    at = 4 * len(PUBLISHED_DENSITY)
    assert one[:at] == two[:at]
    for conv, count in zip(convs(published), np.frombuffer(one[:at], "<u4"), strict=True):
        at += 4 * (256 + len(conv.bias)) + int(count)
        size = (int(count) + 1) // 2
        assert one[at : at + size] == two[at : at + size], conv.name
        at += size


def test_six_bits_on_the_published_network(shared_data):
    compressed = compress(import_net(shared_data / PUBLISHED), bits=6)
    found = deep_compression.sizes(compressed)
    assert found.net == 675_763
    assert found.huffman < 470_000 < found.packed < 660_000
    assert all(len(np.unique(layer.codes)) <= 64 for layer in compressed.layers)


def test_entries_by_hand():
    """A gap of 16 needs a filler, one of 15 does not; the file is what the format says."""
    weights = np.zeros((1, 60, 1, 1), np.float32)
    for place, value in ((0, 2.0), (16, -1.0), (33, 2.0), (59, 0.5)):
        weights[0, place] = value
    layer = deep_compression._compress_layer(
        Conv("c", "x", "y", weights, np.float32([3]), 1, (0,) * 4, True), 4, 8
    )
    # Values in ascending order: -1, 0.5, 2.
    assert layer.codes.tolist() == [3, 1, 0, 3, 0, 2]
    assert layer.gaps.tolist() == [0, 15, 15, 0, 15, 9]
    assert layer.kept == 4
    np.testing.assert_array_equal(layer.weights(), weights)
    assert layer.codebook[:5].tolist() == [0.0, -1.0, 0.5, 2.0, 0.0]


def test_shared_values_are_those_of_k_means():
    """Values are the means of the weights that share them, and the nearest ones to them."""
    net = build(replace(SMALL, modules=1), np.random.default_rng(1))
    before = convs(net)[-1].weights.reshape(-1)
    after = convs(compress(net, 0.0, 4).network)[-1].weights.reshape(-1)
    values = np.unique(after)
    assert len(values) == 15
    for value in values:
        np.testing.assert_allclose(before[after == value].mean(), value, rtol=0.03)
    nearest = values[np.abs(before[:, None] - values).argmin(axis=1)]
    assert np.mean(nearest == after) > 0.98


def test_the_same_weights_give_the_same_file(random_net):
    assert net_bytes(compress(random_net, 0.5, 5)) == net_bytes(compress(random_net, 0.5, 5))


def test_sparsity_by_layer(random_net):
    share = parse_sparsity("fire*=0.5,fire*/expand3x3=0.75,conv10=0.9")
    compressed = compress(random_net, share)
    for layer in compressed.layers:
        wanted = 0.1 if layer.name == "conv10" else 1.0 if layer.name == "conv1" else 0.5
        if layer.name.endswith("expand3x3"):
            wanted = 0.25
        assert layer.kept == round(wanted * np.prod(layer.shape)), layer.name


def test_an_overall_sparsity_takes_least_from_small_layers(random_net):
    layers = {layer.name: layer for layer in compress(random_net, 0.6).layers}
    density = {name: layer.kept / np.prod(layer.shape) for name, layer in layers.items()}
    assert density["fire2/squeeze1x1"] > density["fire4/expand3x3"]
    assert density["fire2/squeeze1x1"] > 0.7
    assert min(layer.kept for layer in compress(random_net, 0.99).layers) >= 1


def test_the_published_density_names_the_layers_of_v1_0():
    assert list(PUBLISHED_DENSITY) == list(layer_shapes(CONFIG))
    weights = [np.prod(shape) for shape in layer_shapes(CONFIG).values()]
    kept = sum(d * w for d, w in zip(PUBLISHED_DENSITY.values(), weights, strict=True))
    assert round(kept / sum(weights), 2) == figures.PAPER_DENSITY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("most", "'most' is no share"),
        ("1.0", "'1.0' is no share of weights to drop, 0 or more and below 1"),
        ("-0.1", "no share"),
        ("nan", "no share"),
        ("conv1=2", "'conv1=2': '2' is no share"),
        ("conv1=0.5,0.3", "'0.3' is not LAYER=SHARE"),
    ],
)
def test_other_sparsities_are_refused(text, message):
    with pytest.raises(FirebrickError, match=message):
        parse_sparsity(text)


def test_refusals_name_the_layer(random_net):
    with pytest.raises(FirebrickError, match=r"no layer is named 'fire9/\*'; layers are conv1, "):
        compress(random_net, {"fire9/*": 0.5})
    with pytest.raises(FirebrickError, match=r"26\s?convolutions, this network has 11: name a"):
        compress(random_net)
    with pytest.raises(FirebrickError, match="codes of 9 bits: supported are 1 to 8"):
        compress(random_net, 0.5, 9)
    nodes = list(random_net.nodes)
    nodes[0] = replace(nodes[0], weights=np.full_like(nodes[0].weights, np.nan))
    with pytest.raises(FirebrickError, match=r"layer conv1: weight\[0, 0, 0, 0\] is nan"):
        compress(replace(random_net, nodes=tuple(nodes)), 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_size": (35, 43)}, "its input is 3x35x43, not 3x35x41"),
        ({"modules": 2}, "it has 8 convolutions, not 11"),
        ({"classes": 31}, r"its layer conv10 is a 1x1 convolution of 48 to 31 channels, stride 1, "
         r"padding \[0, 0, 0, 0\], with ReLU, .*; there conv10 is .* of 48 to 30"),
        ({"conv10_padding": 1}, r".*padding \[1, 1, 1, 1\].* padding \[0, 0, 0, 0\]"),
        ({"pool_ceil": False}, r"its layer pool1 is a 3x3 max pooling, ceil_mode 0"),
        ({"pool_after": ("conv1", "fire2")}, "its layer pool2 is a 3x3 max pooling"),
        ({"bypass": "simple"}, "its layer fire3/add is a Add"),
    ],
)  # fmt: skip
def test_networks_that_a_file_cannot_hold_are_refused(tmp_path, changes, message):
    net = build(replace(SMALL, **changes), np.random.default_rng(0))
    path = tmp_path / "no.net"
    with pytest.raises(FirebrickError, match=f"a .net file of small cannot hold it: {message}"):
        write_net(compress(net, 0.5), path, SMALL)
    assert not path.exists()


CONFIGS = {
    "v1.1": squeezenet_v1_1(),
    "own": replace(squeezenet_v1_0(), classes=7, input_size=(224, 200), input_channels=4),
    "bypass": replace(squeezenet_v1_1(), bypass="complex", first_filters=32, pool_ceil=False),
    "published": CONFIG,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_squeezenets_are_read_with_the_configuration_beside_them(tmp_path, name):
    config = CONFIGS[name]
    weights = {
        layer: (np.full(shape, 0.5, np.float32), np.zeros(shape[0], np.float32))
        for layer, shape in layer_shapes(config).items()
    }
    net = with_weights(config, weights)
    found = config_of(net)
    assert replace(found, name=config.name) == config
    path = tmp_path / "a.net"
    write_net(compress(net, 0.5), path, found)
    again = load_network(path)
    assert [type(node) for node in again.nodes] == [type(node) for node in net.nodes]
    assert list(again.shapes.values()) == list(net.shapes.values())
    with pytest.raises(FirebrickError, match=r"a\.net: the preprocessing .* is not stated"):
        load_model(path)
    values = [1.0] * config.input_channels
    color = "RGB" if config.input_channels == 3 else "RGBA"
    load_model(path, color=color, resize=0, scale=1.0, mean=values, std=values)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"architecture": {"colour": 3}}'])
def test_a_wrong_configuration_is_refused(tmp_path, random_net, text):
    path = tmp_path / "a.net"
    write_net(compress(random_net, 0.5), path, SMALL)
    (tmp_path / "a.net.json").write_text(text)
    with pytest.raises(FirebrickError, match=r"a\.net\.json: does not describe the network"):
        load_network(path)


def test_other_networks_have_no_configuration():
    with pytest.raises(FirebrickError, match=r"network digits: .* has 14 convolutions, not 26"):
        config_of(import_onnx(MODEL_PATH))


def test_layers_may_have_other_names(tmp_path):
    """An imported network's tensors are named by its exporter."""
    net = build(SMALL, np.random.default_rng(2))
    names = {name: f"t{index}" for index, name in enumerate(net.shapes)}
    nodes = []
    for node in net.nodes:
        inputs = (
            {"inputs": tuple(names[name] for name in node.inputs)}
            if hasattr(node, "inputs")
            else {"input": names[node.input]}
        )
        nodes.append(replace(node, name=f"n{node.name}", output=names[node.output], **inputs))
    shapes = {names[name]: shape for name, shape in net.shapes.items()}
    renamed = Network("renamed", names[net.input], tuple(nodes), shapes, True)
    compressed = compress(renamed, 0.5)
    write_net(compressed, tmp_path / "a.net", SMALL)
    assert same_weights(import_net(tmp_path / "a.net", SMALL), compressed.network)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_a_huffman_code_is_within_a_bit_of_the_entropy(counts):
    total = sum(counts)
    bits = huffman_bits(np.array(counts))
    if total == 0:
        assert bits == 0
        return
    shares = np.array([count / total for count in counts if count])
    entropy = float(-(shares * np.log2(shares)).sum()) * total
    assert entropy - 1e-6 <= bits <= entropy + total


def test_huffman_codes_by_hand():
    assert huffman_bits(np.array([5])) == 5
    assert huffman_bits(np.array([1, 1, 2])) == 2 * 1 + 2 * 2
    assert huffman_bits(np.array([1, 1, 1, 1])) == 8


def test_the_command_writes_the_file_and_what_it_costs(tmp_path):
    net = build(CONFIG, np.random.default_rng(0))
    source = tmp_path / "source.net"
    write_net(compress(net, 0.9, 3), source)
    rng = np.random.default_rng(1)
    (tmp_path / "photos").mkdir()
    for index, photo in enumerate(builders.photos(3, 3, (3, 227, 227))):
        Image.fromarray(photo.transpose(1, 2, 0)).save(tmp_path / "photos" / f"{index}.png")
    rows = [f"{index}.png,{rng.integers(1000)}" for index in range(3)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,class_index", *rows]))
    out = tmp_path / "out.net"
    done = command(
        "compress",
        *("--model", source, "--sparsity", "conv10=0.99", "--bits", 2, "--out", out),
        *("--preset", "caffe-squeezenet"),
        *("--images", tmp_path / "photos", "--labels", tmp_path / "labels.csv"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(out.with_suffix(".json").read_text())
    layers = {entry["name"]: entry for entry in report["layers"]}
    assert layers["conv10"]["kept"] == 5_120 and layers["conv1"]["values"] == 3
    assert report["bytes"]["net"] == out.stat().st_size < source.stat().st_size
    assert report["bytes"]["float32"] == 4 * figures.parameters(net)
    assert report["cost"]["images"] == 3 and 0 < report["cost"]["logit_sqnr_db"] < 60
    assert {"float_top1", "compressed_top5"} <= report["cost"].keys()
    for text in ("conv10", "0.66", ".net file", "Huffman", "same first choice as before"):
        assert text in done.stdout
    before, after = import_net(source), load_network(out)
    zeros = [convs(read)[3].weights == 0 for read in (before, after)]
    np.testing.assert_array_equal(*zeros)


def test_the_command_refuses_other_networks_in_one_line(tmp_path):
    out = tmp_path / "out.net"
    for arguments, message in (
        (("--model", MODEL_PATH, "--out", out), "network digits: a .net file of squeezenet_v1_0"),
        (("--model", MODEL_PATH, "--out", tmp_path / "a.bin"), r"a\.bin: .* ends in \.net"),
        (("--model", MODEL_PATH, "--out", out, "--labels", "l.csv"), "belongs to --images"),
        (("--model", MODEL_PATH, "--out", out, "--sparsity", "x"), "is no share"),
    ):
        with pytest.raises(FirebrickError, match=message) as caught:
            main([str(argument) for argument in arguments])
        assert "\n" not in str(caught.value)
    assert not out.exists()


def test_the_onnx_file_gives_the_same_network(shared_data, tmp_path):
    onnx = import_onnx(shared_data / "squeezenet_v1.0_imagenet.onnx")
    write_net(compress(onnx), tmp_path / "a.net")
    assert same_weights(import_net(Path(tmp_path / "a.net")), onnx)
