"""The report of a quantized network as a table for the terminal."""

from __future__ import annotations

from rich.console import Console

from firebrick.quantize.support.terminal import Table, new_console

COLUMNS = ("exp", "weights", "shift", "bits", "SQNR", "at limit", "notes")


def print_report(report: dict, console: Console | None = None) -> None:
    """Print ``QNetwork.report``: a row a convolution or addition, then those of the whole network.

    "exp" shows the difference from the no-saturation exponent in parentheses, "weights" is the
    range of the weight exponents, "bits" what the accumulator needs, "SQNR" in dB, "at limit" the
    share of values at the end of the 8-bit range.  Notes: channels whose weights are all zero
    ("dead"), channels whose weights gave up resolution to fit the accumulator ("narrowed"), the
    share of weights that are not the nearest integers ("moved"), and the error of the padding in
    pixel values; of an addition, how far its operands are shifted left.
    """
    console = console or new_console()
    console.print(f"{report['network']}, quantized:")
    table = Table()
    table.add_column("layer", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, no_wrap=name != "notes")
    for layer in report["layers"]:
        table.add_row(*_row(layer))
    for addition in report.get("additions", []):
        table.add_row(*_addition_row(addition))
    console.print(table)
    origin = f"calibrated on {report['calibration_images']} images"
    if "taken_over" in report:
        origin = "taken over from the file"
    console.print(
        f"{origin}, layers measured on {report['measured_images']} images; accumulators of "
        f"{report['accumulator_bits']} bits; "
        f"logits {_decibel(report['logit_sqnr_db'])} dB"
    )
    for line in report.get("remarks", ()):
        console.print(line)
    taken = [name for name, done in report.get("steps", {}).items() if done]
    console.print(f"steps beyond plain calibration: {', '.join(taken) or 'none'}")
    held_out = report["held_out"]
    file = report.get("against_file", {})
    original = "the file" if "oracle" in file else "the float network"
    if held_out is not None:
        share = held_out["agreement"]
        said = "maps" if share is None else f"same first choice as {original} {share:.1f} %, logits"
        console.print(
            f"held-out images: {held_out['images']}, {said} "
            f"{_decibel(held_out['logit_sqnr_db'])} dB"
        )
    if "oracle" in file:
        console.print(f"agreement and logits measured against {file['oracle']}")
    elif "refused" in file:
        console.print(f"measured against the float network as it was read: {file['refused']}")


def _row(layer: dict) -> tuple[str, ...]:
    notes = []
    exponent = "-" if layer["exponent"] is None else _exponent(layer)
    if layer["dead_channels"]:
        notes.append(f"{layer['dead_channels']} dead")
    if layer["narrowed_channels"]:
        notes.append(f"{layer['narrowed_channels']} narrowed")
    if layer["pad_error"]:
        notes.append(f"pad off {layer['pad_error']:.2f}")
    improved = layer.get("improved")
    if improved:
        notes.append(f"{improved['moved']:.0%} moved")
    return (
        layer["name"],
        exponent,
        _span(layer["weight_exponent"]),
        "-" if layer["shift"] is None else _span(layer["shift"]),
        str(layer["accumulator_bits"]),
        _decibel(layer.get("sqnr_db")),
        _saturated(layer),
        ", ".join(notes),
    )


def _addition_row(addition: dict) -> tuple[str, ...]:
    left = addition["left"]
    return (
        addition["name"],
        _exponent(addition),
        "-",
        str(addition["shift"]),
        "-",
        _decibel(addition.get("sqnr_db")),
        _saturated(addition),
        f"operands << {left[0]}, {left[1]}" if any(left) else "",
    )


def _exponent(layer: dict) -> str:
    difference = layer["exponent"] - layer["exponent_no_saturation"]
    return str(layer["exponent"]) + (f" ({difference:+d})" if difference else "")


def _saturated(layer: dict) -> str:
    share = layer.get("saturated")
    return "-" if share is None else f"{100 * share:.3f}%"


def _span(values: list[int]) -> str:
    low, high = values
    return str(low) if low == high else f"{low}..{high}"


def _decibel(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
