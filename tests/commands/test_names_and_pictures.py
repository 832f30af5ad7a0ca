"""Class names and calibration pictures, found the same way by every command."""

import argparse
import io

import numpy as np
import pytest
from PIL import Image

from firebrick.commands import calibration
from firebrick.commands.calibration import affordable, choose_calibration
from firebrick.commands.class_names import class_names
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures.labels import Label
from firebrick.quantize.report.accuracy import CALIBRATION_LIMIT
from firebrick.quantize.support.terminal import new_console
from tests.quantize import builders


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


def test_all_pictures_of_a_calibration_folder_are_used(pictures, console, said):
    net = builders.fire_network(3)
    count = CALIBRATION_LIMIT + 6
    assert len(choose_calibration(options(calibration=str(pictures)), net, console)) == count
    assert f"calibrating on {count} images: all the {count} images in" in said.getvalue()


def test_pictures_that_also_measure_are_thinned(pictures, console):
    net = builders.fire_network(3)
    labels = [Label(path, 0) for path in sorted(pictures.iterdir())]
    for files in (
        choose_calibration(options(images=str(pictures)), net, console),
        choose_calibration(options(images=str(pictures)), net, console, labels),
        choose_calibration(options(calibration=str(pictures)), net, console, measures=True),
    ):
        assert len(files) == (CALIBRATION_LIMIT + 6) // 2


def test_time_limits_how_many_pictures_there_are(monkeypatch):
    net = builders.fire_network(3)
    clock = iter(np.arange(0, 100, 0.25))
    monkeypatch.setattr(calibration.time, "perf_counter", lambda: next(clock))
    assert affordable(net, 60) == 60 / (calibration.PASSES * 0.25)
    assert affordable(net, 1e6) == calibration.MOST_PICTURES
