"""The compiler's passes, one after the other: :func:`compile_network`."""

from __future__ import annotations

from firebrick.hw.compiler.checks import check_network
from firebrick.hw.compiler.descriptors import encode
from firebrick.hw.compiler.fitting import fitting_groups
from firebrick.hw.compiler.host_section import host_section
from firebrick.hw.compiler.outputs import ready_for_outputs
from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.compiler.program import Program, assemble
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QNetwork


def compile_network(
    net: QNetwork, shape: EngineShape, stages_apart: bool = False, chains: bool = True
) -> Program:
    """Compile ``net`` for an engine of ``shape``.

    With ``stages_apart`` every stage is a group of its own, so that maps that otherwise stay on
    chip (squeeze maps, maps before pooling, those between chained Fire modules) are written to
    memory too; without ``chains`` those between Fire modules are.  Raises
    :class:`hw.compiler.steps.CompileError`, naming the layer and the limit, if the engine cannot
    run the network.
    """
    ready, outputs = ready_for_outputs(net)
    patterns = Patterns(ready, stages_apart, chains)
    check_network(ready, shape, patterns)
    steps, needs, storage = fitting_groups(ready, shape, patterns)
    groups = encode(ready, shape, steps, needs, storage)
    host = host_section(ready, outputs, shape, steps, groups, storage)
    return assemble(net.name, shape, groups, host, storage.scratch_bytes)
