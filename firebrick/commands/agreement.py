"""How a quantized network is told from its original: figures, and what commands do where it is
far from it."""

from __future__ import annotations

import argparse

from rich.console import Console

from firebrick.quantize.report.accuracy import Accuracy
from firebrick.quantize.support.terminal import Table

LEAST_SQNR_DB = 15.0
LEAST_AGREEMENT = 80.0
# The first choices of fewer images say nothing of 80 percent.
COUNTED_IMAGES = 20
EXIT_CODE = 3


def add_accept_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept",
        action="store_true",
        help=f"go on where the quantized network is far from its original (below "
        f"{LEAST_SQNR_DB:g} dB, or {LEAST_AGREEMENT:g} %% of first choices)",
    )


def print_accuracy(console: Console, accuracy: Accuracy, title: str) -> None:
    """The table of top-1 and top-5, and what the two networks have in common."""
    table = Table("", "top-1 %", "top-5 %", title=title)
    if accuracy.float_top1 is not None:
        table.add_row("float", f"{accuracy.float_top1:.1f}", f"{accuracy.float_top5:.1f}")
    table.add_row("fixed point", f"{accuracy.fixed_top1:.1f}", f"{accuracy.fixed_top5:.1f}")
    console.print(table)
    if accuracy.agreement is None:
        return
    sqnr = accuracy.logit_sqnr_db
    logits = "" if sqnr is None else f"; SQNR of the logits: {sqnr:.1f} dB"
    console.print(
        f"same first choice as {accuracy.oracle}: {accuracy.agreement:.1f} %{logits}",
        soft_wrap=True,
    )


def check_agreement(report: dict, accept: bool, console: Console) -> None:
    """Warn where the quantized network is not what the original is, naming the layer that broke;
    SystemExit with code 3 unless ``accept``."""
    held_out = report["held_out"]
    figures = held_out if held_out is not None else report
    sqnr = figures["logit_sqnr_db"]
    far = [] if sqnr is None or sqnr >= LEAST_SQNR_DB else [f"logits {sqnr:.1f} dB"]
    measured = held_out or report.get("against_file", {})
    share = measured.get("agreement")
    if share is not None and measured["images"] >= COUNTED_IMAGES and share < LEAST_AGREEMENT:
        far.append(f"same first choice {share:.1f} %")
    if not far:
        return
    layer = broken_layer(report)
    where = "" if layer is None else f"; it breaks in {layer}"
    done = "accepted" if accept else "give --accept to take it all the same"
    console.print(
        f"warning: {report['network']} quantized is far from its original: {', '.join(far)} "
        f"(less than {LEAST_SQNR_DB:g} dB or {LEAST_AGREEMENT:g} %){where}; {done}",
        soft_wrap=True,
    )
    if not accept:
        raise SystemExit(EXIT_CODE)


def broken_layer(report: dict) -> str | None:
    """The layer at which the SQNR falls farthest below the lowest before it."""
    entries = [*report["layers"], *report.get("additions", [])]
    of_output = {entry["output"]: entry for entry in entries}
    layers = report.get("against_file", {}).get("layers")
    if not layers:
        layers = {output: entry.get("sqnr_db") for output, entry in of_output.items()}
    lowest, worst, name = 60.0, 0.0, None
    for output, found in layers.items():
        if found is None:
            continue
        if lowest - found > worst:
            worst, name = lowest - found, of_output[output]["name"]
        lowest = min(lowest, found)
    return name
