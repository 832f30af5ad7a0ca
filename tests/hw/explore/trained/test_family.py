"""Networks of a study differ in its choice, and cost what the condition says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firebrick.hw.compiler.compile import compile_network
from firebrick.hw.explore.trained.family import (
    BYPASS,
    CLASSES,
    CONDITIONS,
    CYCLES,
    EQUAL,
    GROWTH,
    PARAMETERS,
    PICTURE,
    POOLING,
    SHARE,
    SQUEEZE,
    STUDIES,
    WIDTH,
    Costs,
    base,
    trainees,
)
from firebrick.hw.model.cycles import predict
from firebrick.quantize.architectures import build, layer_shapes
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import Preprocessing
from tests.hw.explore.trained.made_up import BASE, planned, reference

FILTERS_OF = ("base_expand", "incr_expand", "name")
CHOICES = {
    SQUEEZE: "squeeze_ratio", SHARE: "pct_3x3", POOLING: "pool_after", BYPASS: "bypass",
    WIDTH: "base_expand", GROWTH: "freq", PICTURE: "input_size", CLASSES: "classes",
}  # fmt: skip


def test_costs_are_those_of_the_compiled_network() -> None:
    engine = reference()
    chosen = [one for one in planned(POOLING) if one.condition == CYCLES][-1]
    shapes = layer_shapes(chosen.config).values()
    assert chosen.parameters == sum(int(np.prod(s)) + s[0] for s in shapes)
    net = build(chosen.config, np.random.default_rng(1))
    images = np.random.default_rng(2).integers(0, 256, (1, 1, 8, 8), np.uint8)
    prepared = Preprocessing("L", 0, (8, 8), 1 / 255, (0.0,), (1.0,))
    qnet = quantize_network(net, prepared, images)
    assert chosen.cycles == predict(compile_network(qnet, engine.shape), engine.timing).cycles


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_varies_one_choice_and_the_filters(study: str) -> None:
    found = planned(study)
    assert len({(one.condition, one.value) for one in found}) == len(found)
    for condition in {one.condition for one in found}:
        these = [one for one in found if one.condition == condition]
        values = [getattr(one.config, CHOICES[study]) for one in these]
        assert len(set(values)) == len(these) >= 3
        (first,) = [one for one in these if replace(one.config, name="base") == BASE]
        for one in these:
            fields = vars(one.config).items() - vars(BASE).items()
            changed = {name for name, _ in fields}
            filters = condition in CONDITIONS[1:] or study == WIDTH
            allowed = {CHOICES[study], *(FILTERS_OF if filters else ("name",))}
            assert changed <= allowed
            if condition == PARAMETERS:
                assert abs(one.parameters - first.parameters) <= 0.04 * first.parameters
            if condition == CYCLES:
                assert abs(one.cycles - first.cycles) <= 1.5 * EQUAL * first.cycles


def test_poolings_cost_no_parameter() -> None:
    these = [one for one in planned(POOLING) if one.condition == PARAMETERS]
    assert len({one.parameters for one in these}) == 1
    assert [one.cycles for one in these] == sorted(one.cycles for one in these)


def test_larger_pictures_are_halved_first() -> None:
    large = base("base", 1, (28, 28), 10)
    assert (BASE.first_stride, large.first_stride) == (1, 2)
    assert trainees(large, Costs(reference()), [BYPASS])[0].cycles > planned(BYPASS)[0].cycles


def test_what_cannot_be() -> None:
    with pytest.raises(FirebrickError, match="study 'depth': not one of squeeze ratio"):
        planned("depth")
    wide = replace(BASE, input_size=(8, 9000))
    with pytest.raises(FirebrickError, match="cora-z7-07s: bypass none"):
        trainees(wide, Costs(reference()), [BYPASS])
