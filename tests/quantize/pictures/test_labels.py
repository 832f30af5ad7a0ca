"""Labels and class names: what is read, and what is refused by name and line."""

import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import read_classes, read_labels


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def labels(folder, text, classes=10):
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return read_labels(folder / "labels.csv", folder, classes)


def test_labels_keep_the_order_of_the_file(folder):
    read = labels(folder, "name,class_index,file\r\nx,9,b.png\r\ny,0,a.png\r\n")
    assert [(label.path.name, label.class_index) for label in read] == [("b.png", 9), ("a.png", 0)]


def test_a_byte_order_mark_is_no_part_of_the_first_column(folder):
    assert len(labels(folder, "\ufefffile,class_index\na.png,1\n")) == 1


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_marks_between_columns(folder, mark):
    read = labels(folder, f"file{mark}class_index\nb.png{mark}4\n")
    assert [(label.path.name, label.class_index) for label in read] == [("b.png", 4)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.png,1\n", r"labels\.csv: has no column class_index"),
        ("", r"has no column file and no column class_index"),
        ("file,class_index\n", r"names no images"),
        ("file,class_index\na.png,1\nc.png,1\n", r"line 3: no image 'c\.png'"),
        ("file,class_index\n,1\n", r"line 2: no image ''"),
        ("file,class_index\na.png,11\n", r"line 2: class_index '11' is not one of 0\.\.9"),
        ("file,class_index\na.png,-1\n", r"class_index '-1'"),
        ("file,class_index\na.png,cat\n", r"class_index 'cat'"),
        ("file,class_index\na.png\n", r"class_index ''"),
        ("file,class_index\na.png,1\nb.png,2\na.png,3\n", r"line 4: image 'a\.png' has a label in"),
        ("file,class_index\na.png,1\nb.png,10\n", r"counted from 1 to 10, .* take 1 off"),
    ],
)
def test_wrong_labels_are_refused(folder, text, message):
    with pytest.raises(FirebrickError, match=message):
        labels(folder, text)


def test_labels_that_are_no_text_are_refused(folder):
    (folder / "labels.csv").write_bytes(b"file,class_index\n\xff\xfe\x00,1\n")
    with pytest.raises(FirebrickError, match="not a CSV file in UTF-8"):
        read_labels(folder / "labels.csv", folder, 10)


def test_missing_files_and_folders_are_named(folder):
    with pytest.raises(FirebrickError, match=r"none\.csv: no such file"):
        read_labels(folder / "none.csv", folder, 10)
    with pytest.raises(FirebrickError, match="nowhere: not a folder of images"):
        read_labels(folder / "none.csv", folder / "nowhere", 10)


def classes(folder, text, count):
    (folder / "classes.csv").write_text(text, encoding="utf-8")
    return read_classes(folder / "classes.csv", count)


def test_class_names_are_ordered_by_index(folder):
    assert classes(folder, "name,class_index\ndog,1\ncat,0\ndog,1\n", 2) == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class_index,name\n0,cat\n2,dog\n", "1 of 3 classes have no name, class 1"),
        ("class_index,name\n0,cat\n0,dog\n", "line 3: class 0 has two names"),
        ("class_index,name\n3,cat\n", r"line 2: class_index '3'"),
    ],
)
def test_wrong_class_names_are_refused(folder, text, message):
    with pytest.raises(FirebrickError, match=message):
        classes(folder, text, 3)
