"""Pictures to train on: splits, and files of Fashion-MNIST in their real format."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from firebrick.models.datasets import FASHION_FOLDER, Dataset, dataset, split
from firebrick.models.idx import read_idx
from firebrick.quantize.errors import FirebrickError

TRAIN, TEST = 60, 40


def idx(array: np.ndarray) -> bytes:
    """An idx file as the format's description has it."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """The four files, small: two of them packed, as Debian has them, two not."""
    rng = np.random.default_rng(5)
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        images = rng.integers(0, 256, (count, 28, 28))
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images), mtime=0))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 10))
    return tmp_path


def test_fashion_is_read_as_it_was_written(fashion: Path) -> None:
    data = dataset("fashion", fashion)
    rng = np.random.default_rng(5)
    written = [rng.integers(0, 256, (count, 28, 28)) for count in (TRAIN, TEST)]
    assert data.images.shape == (TRAIN + TEST, 1, 28, 28) and data.images.dtype == np.uint8
    assert np.array_equal(data.images[:, 0], np.concatenate(written))
    assert data.labels.tolist() == [*(n % 10 for n in range(TRAIN)), *(n % 10 for n in range(TEST))]
    assert data.training == TRAIN and data.classes[9] == "ankle boot"
    part = split(data, 50, 30, seed=1)
    train = {image.tobytes() for image in data.images[:TRAIN]}
    assert all(image.tobytes() in train for image in part.images)
    assert not any(image.tobytes() in train for image in part.held_out)
    with pytest.raises(FirebrickError, match="too few"):
        split(data, TRAIN + 1, 30, seed=1)


def test_fashion_that_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(FirebrickError) as told:
        dataset("fashion", tmp_path)
    assert "apt-get install dataset-fashion-mnist" in str(told.value)
    assert str(tmp_path / "train-images-idx3-ubyte.gz") in str(told.value)


@pytest.mark.skipif(not FASHION_FOLDER.is_dir(), reason="no dataset-fashion-mnist of Debian's")
def test_fashion_of_debian() -> None:
    data = dataset("fashion")
    assert data.images.shape == (70_000, 1, 28, 28) and data.training == 60_000
    assert np.bincount(data.labels).tolist() == [7000] * 10


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not an idx file"),
        (b"P5 28 28 255\n" + bytes(784), "not an idx file"),
        (idx(np.zeros((3, 4))), "2 dimensions"),
        (b"\0\0\x0d\x03" + bytes(12), "type 13"),
        (idx(np.zeros((2, 3, 4)))[:-1], "23 bytes of numbers"),
        (gzip.compress(idx(np.zeros((2, 3, 4))), mtime=0)[:-9], "gzip cannot unpack"),
    ],
)
def test_files_that_are_damaged(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "some"
    path.write_bytes(content)
    with pytest.raises(FirebrickError, match=told) as error:
        read_idx(path, 3)
    assert str(path) in str(error.value)


def test_classes_and_pictures_must_be_as_many(fashion: Path) -> None:
    (fashion / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(TEST - 1)))
    with pytest.raises(FirebrickError, match="40 pictures but 39 classes in t10k"):
        dataset("fashion", fashion)
    (fashion / "t10k-labels-idx1-ubyte").write_bytes(idx(np.full(TEST, 10)))
    with pytest.raises(FirebrickError, match="class 10"):
        dataset("fashion", fashion)


def test_splits_of_the_digits() -> None:
    data = dataset("digits")
    assert data.images.shape == (1797, 1, 8, 8) and data.images.max() == 255
    # Each picture its number, to follow it.
    numbered = Dataset(
        "numbers", "numbers", np.arange(1797)[:, None, None, None], data.labels, data.classes
    )
    one, again, other = (split(numbered, 205, 600, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.images, again.images)
    assert np.array_equal(one.held_out, again.held_out)
    assert not np.array_equal(one.images, other.images)
    chosen, held = one.images.ravel(), one.held_out.ravel()
    assert (len(set(chosen)), len(set(held))) == (205, 600) and not set(chosen) & set(held)
    assert np.array_equal(data.labels[chosen], one.labels)
    assert np.array_equal(data.labels[held], one.held_out_labels)
    assert set(np.bincount(one.labels)) == {20, 21}
    with pytest.raises(FirebrickError, match="data 'cats': not one of digits, fashion"):
        dataset("cats")
