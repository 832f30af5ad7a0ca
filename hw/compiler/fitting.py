"""Groups that fit the activation memory: :func:`fitting_groups`.

The rows of a group are loaded while the one before it runs.  Where the activation memory is too
small for that, a *pause* comes between the two: a group of one word that nobody reads.  Where that
is not enough, rings hold fewer rows, and Fire modules are taken apart.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from firebrick.hw import definition as d
from firebrick.hw.compiler import memory_plan
from firebrick.hw.compiler.grouping import group
from firebrick.hw.compiler.loading import loading
from firebrick.hw.compiler.memory_plan import Conflict, Need
from firebrick.hw.compiler.patterns import Patterns
from firebrick.hw.compiler.rows import forms
from firebrick.hw.compiler.steps import Step, pause, refusal
from firebrick.hw.compiler.storage import Storage
from firebrick.hw.shape import EngineShape
from firebrick.quantize.qnetwork import QNetwork

# A pause costs the time in which a ring is filled, so only groups of more rows gain by one.
PAUSE_ROWS = 8
# Rows of a squeeze map that are kept: three that a 3x3 kernel reads, one that is written.
MID_ROWS = 4


@dataclass
class _Concessions:
    """What was given up so far for the sake of the memory: squeeze layers whose maps go through
    the board's memory, those that are no tail of the module before, maps whose rows are stored one
    by one, pauses behind groups, and groups whose rings hold no row more than they must."""

    unfused: set[str] = field(default_factory=set)
    unchained: set[str] = field(default_factory=set)
    single: set[str] = field(default_factory=set)
    pauses: Counter[str] = field(default_factory=Counter)
    modest: set[str] = field(default_factory=set)


def fitting_groups(
    net: QNetwork, shape: EngineShape, patterns: Patterns
) -> tuple[list[Step], list[Need], Storage]:
    """Groups in execution order, what each needs of the activation memory, and where maps live.

    Raises CompileError, naming the layer and the limit, where a network does not fit.
    """
    given = _Concessions()
    apart: tuple[int, ...] | None = None
    idle = pause()
    while True:
        # Pauses and rings do not change what is in a group, nor what the other groups need.
        if (len(given.unfused), len(given.unchained), len(given.single)) != apart:
            apart = len(given.unfused), len(given.unchained), len(given.single)
            storage = Storage(net, shape, forms(net, shape, patterns, given.single))
            groups = group(net, shape, patterns, storage, given.unfused, given.unchained)
            known: dict[tuple[int, bool], Need] = {}
        steps = groups
        if len(steps) < 2 and not given.pauses:
            # While a group runs the next one's rows are loaded, and there is none.
            given.pauses[steps[0].name] += 1
        if given.pauses:
            storage.place_pause()
        steps = [s for step in steps for s in (step, *(idle,) * given.pauses[step.name])]
        needs = []
        for step in steps:
            key = id(step), step.name in given.modest
            if key not in known:
                known[key] = _need(step, storage, key[1])
            needs.append(known[key])
        conflict = memory_plan.conflict(needs, shape.act_words)
        if conflict is None:
            return steps, needs, storage
        _concede(net, shape, steps, needs, conflict, given)


def _need(step: Step, storage: Storage, modest: bool) -> Need:
    """What a group needs of the activation memory."""
    source = storage.source(step.source)
    mid_words = 0
    if step.squeeze is not None:
        mid_words = MID_ROWS * storage.tiles(source.width) * storage.words(step.squeeze.outputs)
    tail_words = 0
    if step.tail is not None:
        tail_words = d.TAIL_ROWS * storage.tiles(source.width) * storage.words(step.main_outputs)
    rows = step.least_rows
    conv = step.convolutions[0]
    loaded = loading(source, conv)
    most = max(rows, loaded.rows + conv.fold)
    if step.squeeze is None and not modest and loaded.rows >= PAUSE_ROWS:
        # The rows of the next output row load while this one is computed.  (A squeeze row is
        # free as soon as it is squeezed, and the next one loads while the array expands.)
        rows = min(rows + step.main[0].ring_step, most)
    return Need(step.name, loaded.row_words, rows, most, mid_words, tail_words)


def _concede(
    net: QNetwork,
    shape: EngineShape,
    steps: list[Step],
    needs: list[Need],
    conflict: Conflict,
    given: _Concessions,
) -> None:
    """Give up one thing more at the place of the conflict; CompileError if nothing is left."""
    number = conflict.number
    step, after = steps[number], steps[(number + 1) % len(steps)]
    together = memory_plan.together(len(needs), number)
    chained = [tail.layer for g in together if (tail := steps[g].tail)]
    chained += [steps[g].chained for g in together if steps[g].chained]
    if chained:
        given.unchained.update(chained)
        return
    two = {name for g in together if steps[g].main[0].two for name in steps[g].maps}
    if two - given.single:
        given.single |= two
        return
    last = next(s for s in reversed(steps) if not s.is_pause)
    if len(steps) % 2 and number == len(steps) - 2 and given.pauses[last.name] < 2:
        # With an even number of groups the first one's rows are not there as well.
        given.pauses[last.name] += 1
        return
    if not step.is_pause and not after.is_pause:
        given.pauses[step.name] += 1
        return
    crowded = [steps[g].name for g in together if needs[g].least > steps[g].least_rows]
    if crowded:
        given.modest.update(crowded)
    elif step.squeeze is not None:
        given.unfused.add(step.squeeze.layer)
    else:
        most = max(together, key=lambda g: needs[g].least * needs[g].row_words)
        need = needs[most]
        raise refusal(
            net.name,
            steps[most].main[0].layer,
            f"{need.least} rows of its input are {need.least * need.row_words} words of "
            f"{shape.pixels} pixels, {conflict.words} with what is in memory beside "
            f"them; the activation memory has {shape.act_words}: use a smaller input "
            "or an engine with more",
        )
