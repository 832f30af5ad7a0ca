"""Class names and calibration pictures, found the same way by every command."""

import argparse
import io

import numpy as np
import pytest
from PIL import Image

from firebrick.commands import calibration
from firebrick.commands.calibration import affordable, choose_calibration
from firebrick.commands.class_names import class_names
from firebrick.commands.pictures import Pictures
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.qnetwork import Preprocessing
from firebrick.quantize.report.accuracy import CALIBRATION_LIMIT
from firebrick.quantize.support.terminal import new_console
from tests.quantize import builders

PLAIN = Preprocessing("RGB", 0, (4, 4), 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def console(said):
    return new_console(file=said, width=200)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    blank = Image.fromarray(np.zeros((4, 4, 3), np.uint8))
    for index in range(CALIBRATION_LIMIT + 6):
        blank.save(folder / f"{index:03}.png")
    return folder


@pytest.fixture
def reader(console):
    return Pictures(PLAIN, False, console)


def options(**given):
    names = ("classes", "labels", "images", "calibration")
    return argparse.Namespace(**{**dict.fromkeys(names), "calibration_time": 60, **given})


def test_class_names_are_found_beside_the_pictures(tmp_path, pictures, console, said):
    given = options(images=str(pictures))
    assert class_names(given, 2, console) == () and "no classes.csv" in said.getvalue()
    (tmp_path / "classes.csv").write_text("class_index,name\n0,TV [hd]\n1,[/red]\n")
    assert class_names(given, 2, console) == ("TV [hd]", "[/red]")
    assert class_names(options(calibration=str(pictures)), 2, console) == ("TV [hd]", "[/red]")
    assert class_names(given, 2, console, ("a", "b")) == ("a", "b")
    with pytest.raises(FirebrickError, match=r"classes\.csv: 1 of 3 classes have no name"):
        class_names(given, 3, console)
    other = tmp_path / "other.csv"
    other.write_text("class_index,name\n0,c\n1,d\n")
    assert class_names(options(classes=str(other)), 2, console, ("a", "b")) == ("c", "d")


def test_all_pictures_of_a_calibration_folder_are_used(pictures, reader, console, said):
    net = builders.fire_network(3)
    count = CALIBRATION_LIMIT + 6
    assert (
        len(choose_calibration(options(calibration=str(pictures)), net, reader, console)) == count
    )
    assert f"calibrating on {count} images: all the {count} images in" in said.getvalue()


def test_pictures_that_also_measure_are_thinned(pictures, reader, console):
    net = builders.fire_network(3)
    labels = [Label(path, 0) for path in sorted(pictures.iterdir())]
    for files in (
        choose_calibration(options(images=str(pictures)), net, reader, console),
        choose_calibration(options(images=str(pictures)), net, reader, console, labels),
        choose_calibration(options(calibration=str(pictures)), net, reader, console, measures=True),
    ):
        assert len(files) == (CALIBRATION_LIMIT + 6) // 2


def test_time_limits_how_many_pictures_there_are(monkeypatch):
    net = builders.fire_network(3)
    clock = iter(np.arange(0, 100, 0.25))
    monkeypatch.setattr(calibration.time, "perf_counter", lambda: next(clock))
    assert affordable(net, 60) == 60 / (calibration.PASSES * 0.25)
    assert affordable(net, 1e6) == calibration.MOST_PICTURES


def test_bad_pictures_are_left_out_where_asked(pictures, console, said):
    (pictures / "002.png").write_bytes(b"no picture")
    (pictures / "lost.png").symlink_to(pictures / "nowhere.png")
    with pytest.raises(FirebrickError, match=r"lost\.png: a link that leads nowhere"):
        Pictures(PLAIN, False, console).files(pictures)
    (pictures / "lost.png").unlink()
    with pytest.raises(FirebrickError, match=r"002\.png: not a readable image"):
        plain = Pictures(PLAIN, False, console)
        plain.load(plain.files(pictures))
    (pictures / "lost.png").symlink_to(pictures / "nowhere.png")
    assert said.getvalue() == ""
    skipping = Pictures(PLAIN, True, console)
    files = skipping.files(pictures)
    names = [path.name for path in files]
    assert len(files) == CALIBRATION_LIMIT + 5 and "002.png" not in names
    assert len(skipping.load(files)) == len(files)
    told = said.getvalue()
    assert f"skipped: {pictures / '002.png'}: not a readable image" in told
    assert f"skipped: {pictures / 'lost.png'}: no such image" in told
    assert f"{pictures}: 2 of {CALIBRATION_LIMIT + 7} pictures are skipped" in told
    skipping.files(pictures)
    assert said.getvalue() == told, "said once"


def test_labels_of_bad_pictures_are_left_out_where_asked(tmp_path, pictures, console, said):
    (pictures / "002.png").write_bytes(b"no picture")
    table = tmp_path / "labels.csv"
    table.write_text("file,class_index\n001.png,0\n002.png,1\n")
    reader = Pictures(PLAIN, True, console)
    assert [label.path.name for label in reader.labels(str(table), str(pictures), 2)] == ["001.png"]
    assert f"{table}: 1 of 2 pictures are skipped" in said.getvalue()
    table.write_text("file,class_index\n002.png,1\n")
    with pytest.raises(FirebrickError, match=r"labels\.csv: none of its 1 pictures can be read"):
        reader.labels(str(table), str(pictures), 2)
