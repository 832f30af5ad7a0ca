"""Folders and tables of labelled pictures: what is read, skipped by name, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.transfer.examples import load, read_folders, read_table

PREPARED = Preprocessing("RGB", 8, (8, 8), 1.0, (0.0,) * 3, (1.0,) * 3)


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    for seed in range(11):
        picture(tmp_path / ("cats" if seed % 2 else "dogs") / f"{seed:02}.png", seed)
    return tmp_path


def test_folders_are_classes_and_the_rest_is_named(folder):
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("x")
    (folder / "cats" / "list.doc").write_text("x")
    (folder / ".hidden").mkdir()
    found = read_folders(folder)
    assert found.classes == ("cats", "dogs")
    assert np.bincount(found.labels).tolist() == [5, 6]
    assert [path.parent.name for path in found.paths] == ["cats"] * 5 + ["dogs"] * 6
    assert found.skipped == (
        "folder empty (holds no pictures)",
        "notes.txt, cats/list.doc (not used)",
    )


def test_a_copy_is_counted_once(folder):
    picture(folder / "dogs" / "again.png", 2)
    found, pictures = load(read_folders(folder), PREPARED)
    assert len(found.paths) == len(pictures) == 11
    assert found.skipped == ("again.png (the same picture as another one of its class)",)


def test_a_copy_does_not_make_five(folder):
    (folder / "cats" / "01.png").unlink()
    picture(folder / "cats" / "again.png", 3)
    with pytest.raises(FirebrickError, match="class cats has 4 pictures"):
        load(read_folders(folder), PREPARED)


def test_one_picture_in_two_classes_is_refused(folder):
    picture(folder / "cats" / "02.png", 2)
    with pytest.raises(FirebrickError, match=r"dogs/02.png: the same picture as .*cats/02.png"):
        load(read_folders(folder), PREPARED)


def test_files_that_cannot_be_read_are_named(folder):
    for name in ("aa.jpg", "bb.jpg"):
        (folder / "cats" / name).write_text("no picture")
    with pytest.raises(FirebrickError, match=r"aa.jpg: .*and 1 other files cannot be read either"):
        load(read_folders(folder), PREPARED)
    found, pictures = load(read_folders(folder), PREPARED, skip_bad=True)
    assert len(found.paths) == len(found.labels) == len(pictures) == 11
    assert [Path(line.partition(":")[0]).name for line in found.skipped] == ["aa.jpg", "bb.jpg"]
    (folder / "cats" / "01.png").unlink()
    with pytest.raises(FirebrickError, match="cannot be read: class cats has 4 pictures"):
        load(read_folders(folder), PREPARED, skip_bad=True)


def test_too_little_and_too_much_is_refused(tmp_path):
    with pytest.raises(FirebrickError, match="not a folder with a folder of photos for each class"):
        read_folders(tmp_path / "none")
    for seed in range(5):
        picture(tmp_path / "cats" / f"{seed}.png", seed)
    with pytest.raises(FirebrickError, match="holds 1 folders with pictures; at least two"):
        read_folders(tmp_path)
    picture(tmp_path / "dogs" / "0.png", 9)
    with pytest.raises(FirebrickError, match=r"class dogs has 1 pictures; each .*at least 5"):
        read_folders(tmp_path)
    for index in range(200):
        (tmp_path / f"class{index}").mkdir()
        (tmp_path / f"class{index}" / "0.png").write_text("")
    with pytest.raises(FirebrickError, match="202 classes; at most 200"):
        read_folders(tmp_path)


def table(folder, text):
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def flat(folder, count):
    for seed in range(count):
        picture(folder / f"{seed:02}.png", seed)


def test_tables_by_name_and_by_index(tmp_path):
    flat(tmp_path, 10)
    rows = "".join(f"{i:02}.png,{'ab'[i % 2]}\n" for i in range(10))
    assert read_table(table(tmp_path, "file,class\n" + rows), tmp_path).classes == ("a", "b")
    rows = "".join(f"{i:02}.png,{11 if i % 2 else 9}\n" for i in range(10))
    found = read_table(table(tmp_path, "file,class_index\n" + rows), tmp_path)
    assert found.classes == ("9", "11")
    rows = "".join(f"{i:02}.png,{i % 2},{'zy'[i % 2]}\n" for i in range(10))
    found = read_table(table(tmp_path, "file,class_index,name\n" + rows), tmp_path)
    assert found.classes == ("z", "y")
    assert found.labels.tolist() == [0, 1] * 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,x\n00.png,1\n", "no column class and no column class_index"),
        ("class\na\n", "has no column file"),
        ("file,class\nnone.png,a\n", "line 2: no image 'none.png'"),
        ("file,class\n00.png,\n", "line 2: 00.png has no class"),
        ("file,class_index\n00.png,a\n", "line 2: class_index 'a' is not a number"),
        ("file,class_index,name\n00.png,1,a\n01.png,2,a\n", "line 3: class a has two class_index"),
        ("file,class\n00.png,a\n", "names 1 classes; at least two"),
        ("file,class\n" + "00.png,a\n00.png,b\n" * 5, "names .*00.png twice"),
    ],
)
def test_tables_that_are_refused(text, message, tmp_path):
    flat(tmp_path, 2)
    with pytest.raises(FirebrickError, match=message):
        read_table(table(tmp_path, text), tmp_path)
