"""The handwritten digits that the shipped network was trained on and is judged by.

scikit-learn bundles 1797 grayscale digits of 8x8 pixels with values 0..16 (the test part of the
UCI "Optical Recognition of Handwritten Digits" data).  Each is enlarged to 32x32 as
:func:`enlarge` states; a stratified third, drawn with a fixed seed, is never trained on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

MODEL_PATH = Path(__file__).with_name("digits.onnx")
FACTS_PATH = Path(__file__).with_name("digits.json")
CLASSES = tuple(str(digit) for digit in range(10))
SIZE = 32
SOURCE_MAX = 16
SPLIT_SEED = 1216


def enlarge(pictures: np.ndarray) -> np.ndarray:
    """float [N, 8, 8] with values 0..16 to uint8 [N, 1, 32, 32].

    Values are scaled by 255 / 16, rounded to the nearest integer (halves to even) and resized
    with Pillow's bilinear filter.
    """
    grey = np.rint(pictures * (255 / SOURCE_MAX)).astype(np.uint8)
    return resized(grey, (SIZE, SIZE))[:, None]


def resized(pictures: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 [N, H, W] with ``size`` as H and W, by Pillow's bilinear filter."""
    rows, cols = size
    made = (
        Image.fromarray(one).resize((cols, rows), Image.Resampling.BILINEAR) for one in pictures
    )
    return np.stack([np.asarray(one) for one in made])


def load_digits_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(train images, train labels, held-out images, held-out labels).

    Images are uint8 [N, 1, 32, 32], labels int64 [N]; 1198 for training and 599 held out.
    """
    # Imported here: scikit-learn takes longer to load than everything else together.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    train, held_out, train_labels, held_out_labels = train_test_split(
        enlarge(digits.images),
        digits.target.astype(np.int64),
        test_size=1 / 3,
        random_state=SPLIT_SEED,
        stratify=digits.target,
    )
    return train, train_labels, held_out, held_out_labels
