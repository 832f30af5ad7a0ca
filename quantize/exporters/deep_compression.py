"""Deep Compression of a float network, without retraining: pruning and shared weights.

Han, Mao and Dally, "Deep Compression" (arXiv 1510.00149): small weights are dropped (section 2),
the others share the entries of a codebook per layer, found by k-means from evenly spaced starting
points (section 3), and what is stored can be Huffman coded (section 4).  Biases stay float32.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from threadpoolctl import threadpool_limits

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import check_finite
from firebrick.quantize.importers.net import GAP_BITS
from firebrick.quantize.network import Conv, Network
from firebrick.quantize.support.progress import track

CODE_BITS = 8
LARGEST_GAP = 2**GAP_BITS - 1
FLOAT_BYTES = 4
# Passes of k-means over a layer's weights: what still moves after them hardly matters.
KMEANS_PASSES = 30

# Share of the weights that the published SqueezeNet v1.0 keeps: 3x3 layers a third or less, the
# last modules' 1x1 layers a half of those that bear it, the classifier a fifth.
PUBLISHED_DENSITY: dict[str, float] = {
    "conv1": 0.98512,
    "fire2/squeeze1x1": 0.99479,
    "fire2/expand1x1": 0.99609,
    "fire2/expand3x3": 0.32975,
    "fire3/squeeze1x1": 0.99512,
    "fire3/expand1x1": 0.99902,
    "fire3/expand3x3": 0.32975,
    "fire4/squeeze1x1": 0.99731,
    "fire4/expand1x1": 0.99390,
    "fire4/expand3x3": 0.32975,
    "fire5/squeeze1x1": 0.99609,
    "fire5/expand1x1": 0.99292,
    "fire5/expand3x3": 0.32951,
    "fire6/squeeze1x1": 0.98966,
    "fire6/expand1x1": 0.49935,
    "fire6/expand3x3": 0.32944,
    "fire7/squeeze1x1": 0.49940,
    "fire7/expand1x1": 0.99056,
    "fire7/expand3x3": 0.32957,
    "fire8/squeeze1x1": 0.99235,
    "fire8/expand1x1": 0.49969,
    "fire8/expand3x3": 0.29937,
    "fire9/squeeze1x1": 0.49957,
    "fire9/expand1x1": 0.99506,
    "fire9/expand3x3": 0.29957,
    "conv10": 0.19985,
}


@dataclass(frozen=True, eq=False)
class CompressedLayer:
    """One convolution: ``codebook`` float32 [2**bits], whose entry 0 is zero, ``codes`` uint8 [n]
    and ``gaps`` uint8 [n] of the stored entries, ``bias`` float32 [O].

    An entry's position in the flattened weights of ``shape`` is the running sum of (gap + 1),
    less 1.  Where a gap would exceed 15, entries of code 0 fill it.  ``kept`` entries are others.
    """

    name: str
    shape: tuple[int, ...]
    codebook: np.ndarray
    codes: np.ndarray
    gaps: np.ndarray
    bias: np.ndarray
    kept: int

    def weights(self) -> np.ndarray:
        """The float32 weights that the entries stand for."""
        flat = np.zeros(int(np.prod(self.shape)), np.float32)
        flat[np.cumsum(self.gaps.astype(np.int64) + 1) - 1] = self.codebook[self.codes]
        return flat.reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Compressed:
    """A compressed network: its layers in execution order, and the float network with the
    weights that they stand for."""

    network: Network
    layers: tuple[CompressedLayer, ...]
    bits: int


@dataclass(frozen=True)
class CompressedSizes:
    """Bytes of a network: as float32, as 8-bit weights with 32-bit biases, in the .net form, with
    codes of as many bits as there are, and with codes and gaps Huffman coded."""

    float32: int
    int8: int
    net: int
    packed: int
    huffman: int


def parse_sparsity(text: str) -> float | dict[str, float] | None:
    """What a user names: "published", a share such as 0.67 of all weights to drop, or shares by
    layer such as "fire*/expand3x3=0.67,conv10=0.8".

    Returns None for "published".  Raises FirebrickError for anything else.
    """
    if text == "published":
        return None
    if "=" not in text:
        return _share(text, text)
    shares = {}
    for part in text.split(","):
        pattern, equals, share = part.partition("=")
        if not pattern or not equals:
            raise FirebrickError(f"sparsity {text!r}: {part!r} is not LAYER=SHARE")
        shares[pattern] = _share(share, text)
    return shares


def _share(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise FirebrickError(
            f"sparsity {whole!r}: {text!r} is no share of weights to drop, 0 or more and below 1; "
            'give one, or LAYER=SHARE,..., or "published"'
        )
    return value


def kept_weights(
    convs: tuple[Conv, ...], sparsity: float | Mapping[str, float] | None
) -> dict[str, int]:
    """How many weights every layer keeps, by its name.

    A number drops that share of all weights so that the product, over the layers, of the share of
    its sum of squares that a layer keeps is the largest: small layers lose less than large ones,
    and none loses everything.  A mapping of patterns ("conv10",
    "fire*/expand3x3") gives the share that a layer drops by its last match; layers without one
    drop nothing.  None keeps what the published SqueezeNet v1.0 keeps, layer by layer.  Raises
    FirebrickError for a pattern that matches nothing, and for None and another number of layers.
    """
    if sparsity is None:
        if len(convs) != len(PUBLISHED_DENSITY):
            raise FirebrickError(
                f"the published sparsity is that of SqueezeNet v1.0's {len(PUBLISHED_DENSITY)} "
                f"convolutions, this network has {len(convs)}: name a sparsity"
            )
        density = PUBLISHED_DENSITY.values()
        return {c.name: round(d * c.weights.size) for c, d in zip(convs, density, strict=True)}
    if isinstance(sparsity, Mapping):
        for pattern in sparsity:
            if not any(fnmatchcase(conv.name, pattern) for conv in convs):
                raise FirebrickError(
                    f"sparsity: no layer is named {pattern!r}; layers are "
                    f"{', '.join(conv.name for conv in convs)}"
                )
        kept = {}
        for conv in convs:
            shares = [s for p, s in sparsity.items() if fnmatchcase(conv.name, p)]
            kept[conv.name] = round((1 - (shares[-1] if shares else 0)) * conv.weights.size)
        return kept
    losses = [_losses(conv.weights) for conv in convs]
    count = round((1 - sparsity) * sum(len(values) for values in losses))
    largest = np.argsort(-np.concatenate(losses), kind="stable")[:count]
    ends = np.cumsum([len(values) for values in losses])
    owners = np.searchsorted(ends, largest, side="right")
    counts = np.bincount(owners, minlength=len(convs))
    return {conv.name: int(n) for conv, n in zip(convs, counts, strict=True)}


def _losses(weights: np.ndarray) -> np.ndarray:
    """What dropping each weight takes of its layer's sum of squares when all smaller ones are gone,
    float64, ascending from the smallest weight to the largest, which takes everything."""
    squares = np.sort(np.square(weights.reshape(-1), dtype=np.float64))
    left = np.cumsum(squares[::-1])[::-1]
    return np.divide(squares, left, out=np.zeros_like(squares), where=left > 0)


def compress(
    net: Network,
    sparsity: float | Mapping[str, float] | None = None,
    bits: int = CODE_BITS,
) -> Compressed:
    """Prune ``net`` and let what is left share 2**bits - 1 values a layer, beside the zero.

    ``sparsity`` as in :func:`kept_weights`, ``bits`` 1 to 8.  A layer that has no more values than
    that keeps them exactly.  Raises FirebrickError naming the layer whose weights are not finite.
    """
    if not 1 <= bits <= CODE_BITS:
        raise FirebrickError(f"codes of {bits} bits: supported are 1 to {CODE_BITS}")
    convs = tuple(node for node in net.nodes if isinstance(node, Conv))
    for conv in convs:
        check_finite(conv)
    kept = kept_weights(convs, sparsity)
    layers = {}
    for conv in track(convs, "compress: layers", len(convs)):
        layers[conv.name] = _compress_layer(conv, kept[conv.name], bits)
    nodes = tuple(
        replace(node, weights=layers[node.name].weights(), bias=layers[node.name].bias)
        if isinstance(node, Conv)
        else node
        for node in net.nodes
    )
    return Compressed(replace(net, nodes=nodes), tuple(layers.values()), bits)


def _compress_layer(conv: Conv, kept: int, bits: int) -> CompressedLayer:
    flat = conv.weights.astype(np.float32).reshape(-1)
    order = np.argsort(-np.abs(flat), kind="stable")[:kept]
    positions = np.sort(order[flat[order] != 0])
    centres, labels = _share_values(flat[positions], 2**bits - 1)
    codebook = np.zeros(2**bits, np.float32)
    codebook[1 : 1 + len(centres)] = centres
    codes, gaps = _entries(positions, labels + 1)
    return CompressedLayer(
        name=conv.name,
        shape=conv.weights.shape,
        codebook=codebook,
        codes=codes,
        gaps=gaps,
        bias=conv.bias.astype(np.float32),
        kept=len(positions),
    )


def _share_values(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """At most ``count`` centres, float32, and for every value the index of its own."""
    distinct, labels = np.unique(values, return_inverse=True)
    if len(distinct) <= count:
        return distinct, labels
    start = np.linspace(distinct[0], distinct[-1], count, dtype=np.float32)
    # One thread: sums then have one order, and the same weights give the same file.
    with threadpool_limits(1):
        from sklearn.cluster import KMeans  # slow to import

        means = KMeans(count, init=start[:, None], n_init=1, max_iter=KMEANS_PASSES, tol=0)
        found = means.fit(values[:, None])
    return found.cluster_centers_[:, 0].astype(np.float32), found.labels_.astype(np.int64)


def _entries(positions: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(codes, gaps), uint8 [n] each, of the entries at ``positions`` (ascending) and of those
    that fill gaps above 15: each of the latter has the gap 15 and so covers 16 positions."""
    between = np.diff(positions, prepend=-1) - 1
    ends = np.cumsum(between // (LARGEST_GAP + 1) + 1) - 1
    size = int(ends[-1]) + 1 if len(ends) else 0
    all_codes = np.zeros(size, np.uint8)
    all_gaps = np.full(size, LARGEST_GAP, np.uint8)
    all_codes[ends] = codes
    all_gaps[ends] = between % (LARGEST_GAP + 1)
    return all_codes, all_gaps


def sizes(compressed: Compressed) -> CompressedSizes:
    """The bytes that the network takes in every form.

    All compressed forms hold a uint32 count, the codebook and the biases of every layer.  The .net
    form has codebooks of 256 entries and a byte a code.  Huffman codes come with a byte for the
    length of each symbol's code, of codes and gaps in every layer.
    """
    weights = biases = net = packed = huffman = 0
    for layer in compressed.layers:
        entries = len(layer.codes)
        weights += int(np.prod(layer.shape))
        biases += len(layer.bias)
        fixed = FLOAT_BYTES * (1 + len(layer.bias))
        book = FLOAT_BYTES * len(layer.codebook)
        net += fixed + FLOAT_BYTES * 2**CODE_BITS + entries + _bytes(GAP_BITS * entries)
        packed += fixed + book + _bytes((compressed.bits + GAP_BITS) * entries)
        huffman += fixed + book + len(layer.codebook) + LARGEST_GAP + 1
        huffman += _bytes(huffman_bits(np.bincount(layer.codes)))
        huffman += _bytes(huffman_bits(np.bincount(layer.gaps)))
    return CompressedSizes(
        FLOAT_BYTES * (weights + biases), weights + FLOAT_BYTES * biases, net, packed, huffman
    )


def _bytes(bits: int) -> int:
    return -(-bits // 8)


def huffman_bits(counts: np.ndarray) -> int:
    """Bits of a message in its own Huffman code, from how often each symbol occurs in it: every
    merge of two nodes puts one bit before all symbols below."""
    heap = [int(count) for count in counts if count]
    if len(heap) == 1:
        return heap[0]
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return total
