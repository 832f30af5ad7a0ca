"""Canvases with digits scattered over them, for a detector that can be trained without a data set.

The digits are scikit-learn's (:mod:`models.digits`): 8x8 pixels, enlarged to 20..44, darker or
brighter than what lies behind them.  Behind them are noise, stripes, or pieces of the two
photographs that scikit-learn brings.  Held-out canvases show held-out digits on the right halves of
the photographs, the others on the left halves.  What a detector is trained on
(:func:`training_canvases`) holds more digits, each a little warped.  That is a toy: it shows that
detection works, not how well it would on a street.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

MODEL_PATH = Path(__file__).with_name("detector.onnx")
FACTS_PATH = Path(__file__).with_name("detector.json")
CLASSES = tuple(str(digit) for digit in range(10))
HEIGHT, WIDTH = 96, 128
# As often a digit is tried, at most; one that would touch another is left out.
MOST_DIGITS = 6
MOST_IN_TRAINING = 20
SIDES = (20, 44)
# Digits differ from what is behind them by that much, and textures by that much within themselves.
CONTRAST = (90, 170)
DEPTH = (8, 45)
# Where that much of a pixel is ink it belongs to the box.
INK = 0.25
# Of each digit so many are warped for training, in pixels of that side, within so many degrees and
# such shares of stretch and shear.
WARPS, WARPED_SIDE = 8, 24
TURN, STRETCH, SHEAR = 8.0, 0.1, 0.1
SPLIT_SEED = 1216
HELD_OUT_SEED = 4242


@dataclass(frozen=True, eq=False)
class Canvases:
    """``pictures`` uint8 [N, 1, 96, 128]; for each picture ``boxes`` float32 [n, 4] (left, top,
    right, bottom) and ``classes`` int64 [n]."""

    pictures: np.ndarray
    boxes: tuple[np.ndarray, ...]
    classes: tuple[np.ndarray, ...]


def canvases(count: int, seed: int, held_out: bool) -> Canvases:
    """``count`` canvases, the same ones for the same seed."""
    rng = np.random.default_rng((seed, int(held_out)))
    shapes, names = _digits(held_out)
    return _drawn(rng, count, shapes, names, _photographs(held_out), MOST_DIGITS)


def training_canvases(count: int, seed: int) -> Canvases:
    """As :func:`canvases` that are not held out, with more digits, each a little turned, stretched
    and sheared, as handwriting varies."""
    rng = np.random.default_rng(seed)
    shapes, names = _digits(held_out=False)
    warped = np.stack([_warped(rng, shape) for shape in shapes for _ in range(WARPS)])
    names = np.repeat(names, WARPS)
    return _drawn(rng, count, warped, names, _photographs(held_out=False), MOST_IN_TRAINING)


def held_out_canvases(count: int) -> Canvases:
    """What the shipped detector is judged by."""
    return canvases(count, HELD_OUT_SEED, held_out=True)


def _drawn(
    rng: np.random.Generator,
    count: int,
    shapes: np.ndarray,
    names: np.ndarray,
    photographs: list[np.ndarray],
    most: int,
) -> Canvases:
    made = [_canvas(rng, shapes, names, photographs, most) for _ in range(count)]
    pictures, boxes, classes = zip(*made, strict=True)
    return Canvases(np.stack(pictures)[:, None], tuple(boxes), tuple(classes))


def _digits(held_out: bool) -> tuple[np.ndarray, np.ndarray]:
    """8x8 digits, float 0..1, and what they are: those that :func:`models.digits` holds out, or
    the others."""
    # Imported here: scikit-learn takes longer to load than everything else together.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    parts = train_test_split(
        digits.images / 16,
        digits.target.astype(np.int64),
        test_size=1 / 3,
        random_state=SPLIT_SEED,
        stratify=digits.target,
    )
    return (parts[1], parts[3]) if held_out else (parts[0], parts[2])


def _photographs(held_out: bool) -> list[np.ndarray]:
    from sklearn.datasets import load_sample_images

    halves = []
    for photograph in load_sample_images().images:
        grey = np.asarray(Image.fromarray(photograph).convert("L"), np.float64)
        middle = grey.shape[1] // 2
        halves.append(grey[:, middle:] if held_out else grey[:, :middle])
    return halves


def _canvas(
    rng: np.random.Generator,
    shapes: np.ndarray,
    names: np.ndarray,
    photographs: list[np.ndarray],
    most: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    canvas = _texture(rng, photographs)
    boxes: list[np.ndarray] = []
    classes: list[int] = []
    for _ in range(rng.integers(1, most + 1)):
        index = int(rng.integers(len(shapes)))
        side = int(rng.integers(SIDES[0], SIDES[1] + 1))
        ink = _enlarged(shapes[index], side)
        rows, columns = np.nonzero(ink >= INK)
        top, left = rng.integers(0, HEIGHT - side + 1), rng.integers(0, WIDTH - side + 1)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        box = (box + np.array([left, top, left, top])).astype(np.float32)
        if any(_touch(box, other) for other in boxes):
            continue
        part = canvas[top : top + side, left : left + side]
        part += ink * (_shade(rng, float(part.mean())) - part)
        boxes.append(box)
        classes.append(int(names[index]))
    canvas += rng.normal(0, rng.uniform(0, 8), canvas.shape)
    picture = np.clip(np.rint(canvas), 0, 255).astype(np.uint8)
    return picture, np.stack(boxes), np.array(classes, np.int64)


def _shade(rng: np.random.Generator, behind: float) -> float:
    """Darker or brighter than ``behind``: where there is room, either one where both have it."""
    contrast = rng.uniform(*CONTRAST)
    shades = [shade for shade in (behind - contrast, behind + contrast) if 0 <= shade <= 255]
    if not shades:
        return 0.0 if behind > 127 else 255.0
    return float(rng.choice(shades))


def _texture(rng: np.random.Generator, photographs: list[np.ndarray]) -> np.ndarray:
    """float64 [96, 128]: noise of some coarseness, stripes, or a piece of a photograph."""
    kind = rng.integers(3)
    if kind == 0:
        step = int(rng.integers(2, 24))
        coarse = rng.normal(0, 1, (HEIGHT // step + 2, WIDTH // step + 2))
        made = _resized(coarse, (WIDTH, HEIGHT))
    elif kind == 1:
        angle, wave = rng.uniform(0, np.pi), rng.uniform(5, 40)
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        phase = (x * np.cos(angle) + y * np.sin(angle)) / wave + rng.uniform(0, 1)
        made = np.sin(2 * np.pi * phase)
    else:
        photograph = photographs[rng.integers(len(photographs))]
        high = int(rng.integers(HEIGHT // 2, photograph.shape[0] // 2))
        wide = min(high * WIDTH // HEIGHT, photograph.shape[1])
        top = rng.integers(0, photograph.shape[0] - high + 1)
        left = rng.integers(0, photograph.shape[1] - wide + 1)
        made = _resized(photograph[top : top + high, left : left + wide], (WIDTH, HEIGHT))
    made = (made - made.mean()) / max(made.std(), 1e-6)
    return rng.uniform(50, 205) + np.clip(made, -2.5, 2.5) * rng.uniform(*DEPTH)


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    picture = Image.fromarray(values.astype(np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), np.float64)


def _enlarged(shape: np.ndarray, side: int) -> np.ndarray:
    return np.clip(_resized(shape, (side, side)), 0, 1)


def _warped(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """A digit of 8x8, enlarged to 24x24 and warped about its middle."""
    angle = np.deg2rad(rng.uniform(-TURN, TURN))
    wide, high = 1 + rng.uniform(-STRETCH, STRETCH, 2)
    cos, sin, shear = np.cos(angle), np.sin(angle), rng.uniform(-SHEAR, SHEAR)
    matrix = np.array([[cos * wide, shear - sin], [sin, cos * high]])
    middle = np.full(2, WARPED_SIDE / 2)
    moved = middle - matrix @ middle
    picture = Image.fromarray(_enlarged(shape, WARPED_SIDE).astype(np.float32))
    turned = picture.transform(
        (WARPED_SIDE, WARPED_SIDE),
        Image.Transform.AFFINE,
        tuple(np.column_stack((matrix, moved)).ravel()),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(turned, np.float64)


def _touch(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.all(a[:2] < b[2:]) and np.all(b[:2] < a[2:]))
