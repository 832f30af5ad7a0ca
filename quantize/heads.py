"""A detector's head made ready for quantizing: :func:`split_head`.

How sure a head is spans tens, how a box differs from its anchor tenths.  In one 8-bit map, whose
values have one scale, the boxes would come out in steps of half an anchor.
"""

from __future__ import annotations

from dataclasses import replace

from firebrick.quantize.network import Conv, Network
from firebrick.quantize.qnetwork import detector_classes

# Numbers of a box.
SIDES = 4


def split_head(net: Network, anchors: int) -> Network:
    """``net`` with two maps in the place of the one of its head of so many anchors: classes and
    confidences, and boxes; the same values in the same order.  ``net`` itself where no convolution
    of its own makes that map."""
    if not anchors or len(net.maps) != 1:
        return net
    (name,) = net.maps
    head = next((n for n in net.nodes if n.output == name and isinstance(n, Conv)), None)
    alone = all(name not in getattr(n, "inputs", (getattr(n, "input", ""),)) for n in net.nodes)
    if head is None or head.bounds is not None or not alone:
        return net
    channels, height, width = net.shapes[name]
    first = anchors * (detector_classes(channels, anchors) + 1)
    parts = [
        replace(
            head,
            name=f"{head.name}.{what}",
            output=f"{name}.{what}",
            weights=head.weights[begin:end],
            bias=head.bias[begin:end],
        )
        for what, begin, end in (("classes", 0, first), ("boxes", first, first + SIDES * anchors))
    ]
    shapes = {key: shape for key, shape in net.shapes.items() if key != name}
    shapes |= {part.output: (len(part.bias), height, width) for part in parts}
    nodes = [new for node in net.nodes for new in (parts if node is head else [node])]
    return replace(
        net, nodes=tuple(nodes), shapes=shapes, maps=tuple(part.output for part in parts)
    )
