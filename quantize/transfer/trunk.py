"""Where a network can be cut, and the network of a trunk and a new classifier."""

from __future__ import annotations

import re

import numpy as np

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Conv, GlobalAverage, MaxPool, Network, Node, inputs_of

# How many cuts compete when none is named, counted from the end.
COMPETING = 3
CLASSIFIER, LOGITS = "classifier", "logits"


def cuts(net: Network) -> tuple[str, ...]:
    """The tensors whose averages can be features, in the network's order.

    All that comes later comes through them alone, and they are not narrower than what they were
    made from: the outputs of Fire modules, residual sums, convolutions, and the map that the
    network's own classifier makes.  FirebrickError where it has no classifier on features.
    """
    last = net.nodes[-1]
    classifier = next((n for n in net.nodes if n.output == getattr(last, "input", "")), None)
    if not isinstance(last, GlobalAverage) or not isinstance(classifier, Conv):
        raise FirebrickError(
            f"network {net.name}: its classifier is not to be recognized: it must end in a "
            "convolution (or linear layer) and a global average"
        )
    if classifier.input == net.input:
        raise FirebrickError(
            f"network {net.name}: its classifier {classifier.name} reads the picture itself; there "
            "are no features to build on"
        )
    found = []
    for place, node in enumerate(net.nodes[:-1]):
        before = {net.input, *(earlier.output for earlier in net.nodes[:place])}
        later = {name for after in net.nodes[place + 1 :] for name in inputs_of(after)}
        if later & before or isinstance(node, MaxPool):
            continue
        widest = max(net.shapes[name][0] for name in inputs_of(node))
        if node is classifier or net.shapes[node.output][0] >= widest:
            found.append(node.output)
    return tuple(found)


def competing(net: Network) -> tuple[str, ...]:
    """The cuts that compete when none is named, the last ones."""
    return cuts(net)[-COMPETING:]


def named(net: Network, name: str) -> str:
    """The cut that a user calls ``name``: a tensor, or the last one of a block such as fire7.

    Raises FirebrickError listing those that there are.
    """
    possible = cuts(net)
    if name in possible:
        return name
    block = re.compile(rf"(.*[^0-9A-Za-z])?{re.escape(name)}([^0-9A-Za-z].*)?")
    found = [cut for cut in possible if block.fullmatch(cut)]
    if not found:
        raise FirebrickError(
            f"network {net.name}: no features {name!r}; there are {', '.join(possible)}"
        )
    return found[-1]


def with_classifier(
    net: Network, cut: str, weights: np.ndarray, bias: np.ndarray, name: str
) -> Network:
    """The network up to ``cut`` with a new classifier, called ``name``.

    ``weights`` [O, C] and ``bias`` [O] act on the average of the cut's map; a convolution with
    them, without a ReLU, and its average are the same.
    """
    wanted = {cut}
    kept: list[Node] = []
    for node in reversed(net.nodes):
        if node.output in wanted:
            kept.append(node)
            wanted.update(inputs_of(node))
    kept.reverse()
    taken = {node.name for node in kept} | wanted
    classifier, logits = (_free(text, taken) for text in (CLASSIFIER, LOGITS))
    _, height, width = net.shapes[cut]
    conv = Conv(
        name=classifier,
        input=cut,
        output=classifier,
        weights=weights.astype(np.float32)[:, :, None, None],
        bias=bias.astype(np.float32),
        stride=1,
        padding=(0, 0, 0, 0),
        relu=False,
    )
    average = GlobalAverage(f"{logits}/average", classifier, logits)
    shapes = {key: net.shapes[key] for key in (net.input, *(node.output for node in kept))}
    shapes |= {classifier: (len(bias), height, width), logits: (len(bias), 1, 1)}
    return Network(name, net.input, (*kept, conv, average), shapes, softmax=False)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_new"
    return name
