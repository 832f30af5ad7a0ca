"""Advice on a network: which boards run it how fast, and what would make it quicker.

Says which engine reaches a wished frame rate in the smallest chip, what bounds the network there
(MACs, weights, maps, drain), and which three changes to its layers would buy most, each with what
the model says of it.  Needs the network's layers alone: no pictures, no preprocessing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console

from firebrick.commands.chosen import MODEL_HELP, is_bundled
from firebrick.commands.frame import Parser, number
from firebrick.hw.boards.board import Board, load_board
from firebrick.hw.compiler.feasible import without_numbers
from firebrick.hw.explore.advice import Adviser, Gain, Option, elsewhere, fastest, gains, smallest
from firebrick.hw.explore.changes import parameters, rebuilt
from firebrick.hw.explore.engines import all_boards
from firebrick.hw.explore.sweep import BOUNDS
from firebrick.hw.model.compiled import prepare
from firebrick.hw.shape import spelled
from firebrick.models.bundled import DEFAULT, bundled
from firebrick.quantize import qfile
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.heads import split_head
from firebrick.quantize.importers.load import load_network
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.support.terminal import Table, new_console


def main(arguments: list[str] | None = None) -> int:
    """The command; raises FirebrickError for whatever the user can put right."""
    options = _parser().parse_args(arguments)
    if options.fps is not None and not 0 < options.fps < math.inf:
        raise FirebrickError(f"FPS {options.fps:g}: a frame rate is a number greater than 0")
    boards = [load_board(options.board)] if options.board else all_boards()
    prepare()
    net = read_layers(options.model)
    advice = advise(net, boards, options.fps, own=bool(options.board))
    if options.json:
        print(json.dumps(_facts(advice), indent=2))
    else:
        _print(new_console(), advice)
    return 0


@dataclass(frozen=True)
class Advice:
    """What the boards' own engines do with a network, the engine that is chosen for it and in
    words for what, other boards on which it is as good, and changes to the network."""

    net: QNetwork
    own: list[Option]
    wished: float | None
    reached: bool | None
    chosen: Option
    reason: str
    elsewhere: list[Option]
    gains: list[Gain]


def advise(net: QNetwork, boards: Sequence[Board], wished: float | None, own: bool) -> Advice:
    """Advice for ``wished`` frames a second; without, on the fastest engine, or on the ``own`` one
    of a board."""
    adviser = Adviser(net)
    boards_own = [adviser.own(board) for board in boards]
    able = adviser.options(boards)
    chosen = fastest(able)
    if chosen is None:
        last = boards_own[-1]
        raise FirebrickError(
            f"{net.name}: no engine of these boards runs it; {last.engine.shape} on "
            f"{last.engine.board.title}: {last.problem}"
        )
    if wished is not None:
        enough = smallest(able, wished)
        if enough is not None:
            reason = f"The smallest engine that reaches {wished:g} frames a second:"
        else:
            reason = f"No engine reaches {wished:g} frames a second; this one is the fastest:"
        chosen = enough or chosen
        reached = enough is not None
        least = wished if reached else chosen.frames_per_second
    else:
        reason, reached, least = "The fastest engine:", None, chosen.frames_per_second
        if own and not boards_own[0].problem:
            chosen, reason = boards_own[0], "The board's own engine:"
        elif own:
            reason = "The fastest engine for this board, whose own one does not run the network:"
    others = elsewhere(able, chosen, least)
    return Advice(net, boards_own, wished, reached, chosen, reason, others, gains(net, chosen))


def read_layers(model: str | None) -> QNetwork:
    """The layers of a file or a bundled network, without numbers."""
    if is_bundled(model):
        found = bundled(model or DEFAULT)
        return without_numbers(split_head(found.network, len(found.anchors)))
    assert model is not None
    if Path(model).suffix == ".npz":
        plain = rebuilt(qfile.load(model))
        assert plain is not None
        return plain
    return without_numbers(load_network(model))


def _facts(advice: Advice) -> dict[str, Any]:
    """The advice as JSON data."""
    return {
        "network": advice.net.name,
        "parameters": parameters(advice.net),
        "macs": advice.chosen.macs,
        "boards": [_option(option) for option in advice.own],
        "wished_frames_per_second": advice.wished,
        "reached": advice.reached,
        "engine": _option(advice.chosen),
        "build": _build(advice.chosen),
        "also_on": [option.engine.board.name for option in advice.elsewhere],
        "changes": [asdict(gain) for gain in advice.gains],
    }


def _option(option: Option) -> dict[str, Any]:
    engine = option.engine
    return {
        "board": engine.board.name,
        "chip": engine.board.chip.name,
        "pump": engine.pump,
        "shape": asdict(engine.shape),
        "resources": asdict(engine.used),
        "clock_mhz": engine.hertz / 1e6,
        "problem": option.problem or None,
        "cycles": option.speed.cycles or None,
        "frames_per_second": option.frames_per_second or None,
        "spent": dict(zip(BOUNDS, option.speed.spent, strict=False)),
        "bound": option.speed.bound or None,
        "array_use": option.use,
    }


def _print(console: Console, advice: Advice) -> None:
    chosen = advice.chosen
    shown = Table(box=SIMPLE_HEAD, title=f"{advice.net.name} on the boards as they are")
    for name in ("board", "array"):
        shown.add_column(name, no_wrap=True)
    for name in ("cycles", "frames/s"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("bound by")
    for option in advice.own:
        shown.add_row(
            option.engine.board.name,
            str(option.engine.shape),
            f"{option.speed.cycles:,}" if option.speed.cycles else "",
            f"{option.frames_per_second:.1f}" if option.speed.cycles else "no",
            option.speed.bound or option.problem,
        )
    console.print(shown)
    console.print(advice.reason)
    console.print(_engine(chosen))
    if advice.elsewhere:
        titles = ", ".join(option.engine.board.title for option in advice.elsewhere)
        console.print(f"The same engine does for {titles}.")
    console.print(f"It is built by {_build(chosen)}", soft_wrap=True)
    spent = dict(zip(BOUNDS, chosen.speed.spent, strict=True))
    shares = ", ".join(f"{name} {n / chosen.speed.cycles:.1%}" for name, n in spent.items() if n)
    console.print(
        f"What its cycles go to: {shares}. While the array works, {chosen.use:.1%} of its "
        "multiplications are the network's; the others are columns without a filter and pixels "
        "beyond a row's end."
    )
    if not advice.gains:
        console.print("No change to the layers that was tried makes it quicker there.")
    count = parameters(advice.net)
    for place, gain in enumerate(advice.gains, 1):
        than = "as before" if gain.parameters == count else f"instead of {count:,}"
        console.print(
            f"{place}. {gain.text}: {gain.frames_per_second:.1f} frames a second, "
            f"{gain.times:.2f} times as fast ({gain.cycles:,} cycles), {gain.parameters:,} "
            f"parameters {than}."
        )
    console.print(
        "Predicted by the models of cycles and resources; a changed network has to be trained "
        "again, and no clock has been confirmed by Vivado."
    )


def _build(option: Option) -> str:
    """The command that makes a bitstream of the engine."""
    board, shape = option.engine.board, option.engine.shape
    array = "" if shape == board.shape else f" SHAPE={spelled(shape, board.shape)}"
    return f"make bitstream BOARD={board.name}{array}"


def _engine(option: Option) -> str:
    engine, shape = option.engine, option.engine.shape
    return (
        f"{shape} on {engine.board.title} ({engine.board.chip.name}), pump {engine.pump}, at "
        f"{engine.hertz / 1e6:g} MHz: {option.frames_per_second:.1f} frames a second; memories of "
        f"{shape.act_words} activation and {shape.weight_words} weight words; {engine.used.lut:,} "
        f"LUTs, {engine.used.dsp48e1} DSPs, {engine.used.ramb36:g} block RAMs."
    )


def _parser() -> Parser:
    parser = Parser(prog="firebrick advise", description=__doc__)
    parser.add_argument("--model", help=MODEL_HELP)
    parser.add_argument("--fps", type=number, help="frames a second that are wished for")
    parser.add_argument("--board", help="only this board (default: all)")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    return parser
