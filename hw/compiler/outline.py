"""What a program will do, without its numbers: :func:`outline`.

Enough to predict cycles from, and many times quicker to come by than the program, which packs every
weight.
"""

from __future__ import annotations

from dataclasses import dataclass

from firebrick.hw.compiler.checks import check_network
from firebrick.hw.compiler.descriptors import describe
from firebrick.hw.compiler.fitting import fitting_groups
from firebrick.hw.compiler.host_section import layers_of
from firebrick.hw.compiler.outputs import ready_for_outputs
from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.compiler.program import Program
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QNetwork


@dataclass(frozen=True)
class GroupOutline:
    """A group's descriptor, and name, MACs and ideal cycles of its layers."""

    name: str
    fields: dict[str, int]
    layers: tuple[dict, ...]


@dataclass(frozen=True)
class Outline:
    """The groups of a program for an engine of ``shape``."""

    name: str
    shape: EngineShape
    groups: tuple[GroupOutline, ...]

    @property
    def ideal_cycles(self) -> int:
        """Cycles of an array that never waits."""
        return sum(layer["ideal_cycles"] for group in self.groups for layer in group.layers)


def outline(net: QNetwork, shape: EngineShape) -> Outline:
    """The groups of ``net`` for an engine of ``shape``, whatever its numbers are.

    Raises :class:`hw.compiler.steps.CompileError`, naming the layer and the limit, if the engine
    cannot run the network; ranges of accumulators and shifts are not looked at.
    """
    net, _ = ready_for_outputs(net)
    patterns = Patterns(net, apart=False)
    check_network(net, shape, patterns, numbers=False)
    steps, needs, storage = fitting_groups(net, shape, patterns)
    groups = tuple(
        GroupOutline(step.name, fields, tuple(layers_of(step, fields, shape)))
        for step, fields in zip(steps, describe(net, shape, steps, needs, storage), strict=True)
    )
    return Outline(net.name, shape, groups)


def outline_of(program: Program) -> Outline:
    """The groups of a compiled program."""
    groups = tuple(
        GroupOutline(group.name, group.fields, tuple(described["layers"]))
        for group, described in zip(program.groups, program.host["groups"], strict=True)
    )
    return Outline(program.name, program.shape, groups)
