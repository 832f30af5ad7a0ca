"""Features of pictures: averages of a network's maps, of every picture and its mirror image."""

from __future__ import annotations

import numpy as np

from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import float_input
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.support.parallel import parallel_map
from firebrick.quantize.support.progress import track

# Of the axis that holds a picture and its copies.
ORIGINAL, MIRRORED = 0, 1


def features(
    net: Network, preprocessing: Preprocessing, pictures: np.ndarray, cuts: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """For each of ``cuts`` the average of its map, float64 [N, 2, C], of ``pictures`` uint8
    [N, C, H, W] (index :data:`ORIGINAL`) and mirrored (:data:`MIRRORED`)."""
    model = FloatModel(net)

    def of_picture(picture: np.ndarray) -> list[list[np.ndarray]]:
        return [_averages(model, preprocessing, p, cuts) for p in (picture, picture[..., ::-1])]

    found = parallel_map(of_picture, pictures)
    rows = list(track(found, "learn: features of pictures", len(pictures)))
    return {
        cut: np.array([[copy[place] for copy in row] for row in rows])
        for place, cut in enumerate(cuts)
    }


def _averages(
    model: FloatModel, preprocessing: Preprocessing, picture: np.ndarray, cuts: tuple[str, ...]
) -> list[np.ndarray]:
    maps = {model.net.input: float_input(picture, preprocessing)}
    left = set(cuts)
    for node in model.net.nodes:
        maps[node.output] = model.step(node, maps)
        left.discard(node.output)
        if not left:
            break
    return [maps[cut].mean(axis=(1, 2), dtype=np.float64) for cut in cuts]
