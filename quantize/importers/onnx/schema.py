"""A node held to ONNX's own definition of its operator, in the opset of the file: :func:`check`.

What an opset moved from an attribute to an input, or does not know yet, would else be left out of
account where a file has it in the wrong place.
"""

from __future__ import annotations

import onnx

from firebrick.quantize.importers.onnx.graph import DOMAINS, OnnxNode


def check(node: OnnxNode, opset: int) -> None:
    """Refuse attributes and numbers of inputs that the operator does not have."""
    if node.domain not in DOMAINS:
        return
    try:
        schema = onnx.defs.get_schema(node.op, opset, "")
    except onnx.defs.SchemaError:
        if onnx.defs.has(node.op):
            node.refuse(f"is no operator of the file's opset {opset}; export it with a newer one")
        return
    unknown = sorted(set(node.attributes) - set(schema.attributes))
    if unknown:
        node.refuse(
            f"attribute {unknown[0]} is not supported: {node.op} of opset {opset} has "
            f"{', '.join(schema.attributes) or 'none'}"
        )
    least, most = schema.min_input, schema.max_input
    if not least <= len(node.inputs) <= most or "" in node.inputs[:least]:
        span = str(least) if least == most else f"{least} to {most}"
        node.refuse(f"has {len(node.inputs)} inputs instead of {span}")
