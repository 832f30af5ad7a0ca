"""What a quantized network is measured against: :class:`Reference`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import Preprocessing


@dataclass(frozen=True, eq=False)
class Reference:
    """A network in float numbers, which ``name`` tells in words.

    ``run`` gives what it answers to pictures uint8 [N, C, H, W], float [N, classes]: logits, or,
    where ``logits`` is False, only what a Softmax makes of them.
    """

    name: str
    run: Callable[[np.ndarray], np.ndarray]
    logits: bool = True


def float_reference(net: Network, preprocessing: Preprocessing) -> Reference:
    """The float network as it was read."""
    model = FloatModel(net)
    return Reference(
        "the float network", lambda images: model.logits(float_input(images, preprocessing))
    )
