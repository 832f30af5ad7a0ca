"""What a program will do, said without its numbers, is what the compiled program does."""

from __future__ import annotations

import numpy as np
import pytest

from firebrick.hw import definition as d
from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.compiler.feasible import without_numbers
from firebrick.hw.compiler.outline import outline, outline_of
from firebrick.hw.compiler.steps import CompileError
from firebrick.hw.model.cycles import predict
from firebrick.hw.shape import PYNQ_Z2, EngineShape
from firebrick.quantize.architectures import SqueezeNetConfig, build
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.pictures.preprocess import for_network, preprocessing
from firebrick.sim.random_networks import random_network

SMALL = EngineShape(6, 8, act_words=8192, bias_pairs=512)


@pytest.mark.parametrize("shape", [PYNQ_Z2, SMALL], ids=str)
@pytest.mark.parametrize("seed", range(8))
def test_outline_is_the_programs(seed: int, shape: EngineShape) -> None:
    net = random_network(seed, bypass=seed % 2 == 1)
    assert outline(net, shape) == outline_of(compile_network(net, shape))


@pytest.mark.parametrize("bypass", ["none", "complex"])
def test_numbers_do_not_change_cycles(bypass: str) -> None:
    """Signs of maps and shifts are the only fields that a network's numbers decide."""
    config = SqueezeNetConfig(
        modules=3, base_expand=24, incr_expand=16, first_filters=16, classes=10,
        pool_after=("conv1", "fire2"), input_size=(33, 35), bypass=bypass,
    )  # fmt: skip
    net = build(config, np.random.default_rng(3))
    images = np.random.default_rng(4).integers(0, 256, (1, *net.shapes[net.input]), np.uint8)
    options = for_network(preprocessing("torchvision"), net)
    program = compile_network(quantize_network(net, options, images, effort="plain"), PYNQ_Z2)
    found = outline(without_numbers(net), PYNQ_Z2)
    for group, compiled in zip(found.groups, outline_of(program).groups, strict=True):
        assert (group.name, group.layers) == (compiled.name, compiled.layers)
        differing = {
            name
            for name in {*group.fields, *compiled.fields}
            if group.fields.get(name, 0) != compiled.fields.get(name, 0)
        }
        assert differing <= {
            *("add_left", "add_shifts_own", "add_shift", "add_signed", "out_signed"),
            *(f"p{k}_src_signed" for k in range(d.PASSES)),
        }
    assert found.ideal_cycles <= predict(program).cycles


def test_refusals_are_the_compilers() -> None:
    net = random_network(2)
    tiny = EngineShape(4, 8, act_words=16)
    with pytest.raises(CompileError) as compiled:
        compile_network(net, tiny)
    with pytest.raises(CompileError) as outlined:
        outline(net, tiny)
    assert str(outlined.value) == str(compiled.value)
