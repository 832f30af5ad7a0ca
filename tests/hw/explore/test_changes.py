"""Changed networks are what building them so would give."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firebrick.hw.compiler.feasible import without_numbers
from firebrick.hw.compiler.outline import outline
from firebrick.hw.explore.changes import (
    Change,
    changes,
    fires,
    parameters,
    rebuilt,
    tied_layers,
)
from firebrick.hw.shape import PYNQ_Z2
from firebrick.quantize.architectures import SqueezeNetConfig, without_weights
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report import figures
from tests.quantize.builders import Builder

SMALL = SqueezeNetConfig(
    modules=4, base_expand=80, incr_expand=32, first_filters=16, classes=10, squeeze_ratio=0.5,
    pool_after=("conv1", "fire3", "fire5"), input_size=(97, 101),
)  # fmt: skip


def layers(config: SqueezeNetConfig) -> QNetwork:
    return without_numbers(without_weights(config))


def same(a: QNetwork, b: QNetwork) -> bool:
    """Whether an engine does the same for both."""
    return [(g.fields, g.layers) for g in outline(a, PYNQ_Z2).groups] == [
        (g.fields, g.layers) for g in outline(b, PYNQ_Z2).groups
    ]


def found(kind: str, config: SqueezeNetConfig = SMALL) -> list[Change]:
    return [change for change in changes(layers(config), PYNQ_Z2) if change.kind == kind]


def test_nothing_changed_is_the_same() -> None:
    net = layers(SMALL)
    again = rebuilt(net)
    assert again is not None and same(again, net)
    assert parameters(net) == figures.parameters(without_weights(SMALL))


def test_a_smaller_picture() -> None:
    changed = {c.text: c.net for c in found("picture")}
    net = changed["pictures of 84x88 instead of 97x101"]
    assert same(net, layers(replace(SMALL, input_size=(84, 88))))


def test_earlier_poolings() -> None:
    first, second = found("pooling")
    assert first.text.startswith("pool3 in front of fire3/squeeze1x1")
    assert same(first.net, layers(replace(SMALL, pool_after=("conv1", "fire2", "fire5"))))
    assert same(second.net, layers(replace(SMALL, pool_after=("conv1", "fire3", "fire4"))))


def test_a_pooling_does_not_pass_another_or_a_bypass() -> None:
    assert not found("pooling", replace(SMALL, pool_after=("conv1", "fire2")))
    for change in found("pooling", replace(SMALL, bypass="simple", pool_after=("fire3",))):
        pytest.fail(change.text)


def test_multiples_of_the_arrays_channels() -> None:
    """Squeeze layers of 40, 40, 56 and 56 filters: all to 32, and each by itself."""
    net = layers(SMALL)
    assert [len(f.squeeze.bias) for f in fires(net)] == [40, 40, 56, 56]
    together, *single = found("squeeze")
    assert [len(f.squeeze.bias) for f in fires(together.net)] == [32] * 4
    assert together.text == (
        "fire2/squeeze1x1 40 to 32, fire3/squeeze1x1 40 to 32 and 2 more layers: multiples of the "
        "array's 32 channels"
    )
    assert [[len(f.squeeze.bias) for f in fires(c.net)] for c in single][1] == [40, 32, 56, 56]
    assert not found("squeeze", replace(SMALL, base_expand=64, incr_expand=64))


def test_half_as_many_and_1x1_for_3x3() -> None:
    config = replace(SMALL, base_expand=128, incr_expand=0)
    assert same(
        found("fewer squeeze filters", config)[0].net, layers(replace(config, squeeze_ratio=0.25))
    )
    assert same(found("1x1 for 3x3", config)[0].net, layers(replace(config, pct_3x3=0.25)))


def test_maps_that_no_longer_agree_make_no_network() -> None:
    net = layers(replace(SMALL, bypass="simple"))
    assert rebuilt(net, filters={"fire3/expand1x1": 8}) is None
    assert rebuilt(net, size=(5, 5)) is None


def test_a_padded_pooling_keeps_its_size() -> None:
    """One that begins ahead of the map has a row and a column more than without."""
    made = Builder(1, (4, 32, 32))
    made.conv("first", 16, 3, pad=1)
    made.pool("pool", 3, False, padding=1)
    made.conv("classes", 10, 1)
    net = without_numbers(made.build())
    again = rebuilt(net)
    assert again is not None
    assert again.tensors["pool.out"].shape == net.tensors["pool.out"].shape == (16, 16, 16)


def residual(first: int = 48, down: int = 96, kernel: int = 3) -> QNetwork:
    """Two blocks whose maps are added to what goes around them; the second one halves the map."""
    made = Builder(1, (4, 32, 32))
    begin = made.conv("first", first, 3, pad=1)
    left = made.conv("left", first, 3, pad=1)
    block = made.add("add1", left, begin)
    made.conv("down", down, kernel, stride=2, pad=(0, 0, 1, 1) if kernel > 1 else 0)
    right = made.conv("next", 96, 3, pad=1)
    around = made.conv("around", 96, 1, stride=2, source=block)
    made.add("add2", right, around)
    made.conv("classes", 10, 1)
    return without_numbers(made.build())


def test_layers_whose_maps_are_added_have_as_many_filters() -> None:
    net = residual()
    tied = [[layer.name for layer in layers] for layers in tied_layers(net, fires(net))]
    assert tied == [["first", "left"], ["down"], ["next", "around"]]
    made = {change.text: change.net for change in changes(net, PYNQ_Z2)}
    assert same(made["first 48 to 32, left 48 to 32: a multiple of 32"], residual(first=32))
    assert same(made["first 48 to 24, left 48 to 24: half as many"], residual(first=24))
    assert same(made["down 96 to 64: about half as many"], residual(down=64))
    assert "next 96 to 64, around 96 to 64: about half as many" in made
    assert not [text for text in made if "classes" in text]


def test_a_layer_of_1x1_filters() -> None:
    """All but the first layer and those of 1x1 already; the map stays as large."""
    made = {c.text: c.net for c in changes(residual(), PYNQ_Z2) if c.kind == "1x1 for 3x3"}
    assert list(made) == [f"{name}: 1x1 for 3x3 filters" for name in ("left", "down", "next")]
    net = made["down: 1x1 for 3x3 filters"]
    assert parameters(residual()) - parameters(net) == 8 * 48 * 96
    assert same(net, residual(kernel=1))


def test_what_a_concatenation_joins_or_leaves_the_network_stays() -> None:
    made = Builder(1, (4, 32, 32))
    made.conv("first", 40, 3, pad=1)
    made.fire("fire", 8, 16)
    head = made.conv("head", 40, 3, pad=1)
    net = without_numbers(made.ends_in(head))
    tied = tied_layers(net, fires(net))
    assert [[layer.name for layer in layers] for layers in tied] == [["first"]]
