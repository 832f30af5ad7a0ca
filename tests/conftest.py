"""What all tests share: where the large test data is, when it is there."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image

from firebrick.models.digits import CLASSES, load_digits_split

ROOT = Path(__file__).resolve().parents[1]
# Tests that `make test-fast` leaves out.
SLOW = Path(__file__).with_name("slow.txt")
SLOW_SECONDS = 1.0

settings.register_profile("firebrick", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("firebrick")


def _data_folder() -> Path:
    named = os.environ.get("FIREBRICK_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of trained ImageNet networks and photos; skips the test where it is absent.

    FIREBRICK_DATA names it, else it is looked for as ``shared/data`` next to the checkout.  A
    folder that was named but is not there fails the test.
    """
    folder = _data_folder()
    if not folder.is_dir():
        if "FIREBRICK_DATA" in os.environ:
            pytest.fail(f"FIREBRICK_DATA names {folder}, which is no folder")
        pytest.skip(f"no test data in {folder}; FIREBRICK_DATA can name another folder")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on the trained network and real photos, and how many could not."""
    if terminalreporter.config.getoption("--record-slow"):
        _record_slow(terminalreporter)
    reports = [
        r for key in ("passed", "failed", "skipped") for r in terminalreporter.getreports(key)
    ]
    with_data = [r for r in reports if "shared_data" in getattr(r, "keywords", {})]
    ran = sum(r.outcome != "skipped" for r in with_data)
    skipped = len(with_data) - ran
    terminalreporter.write_line(
        f"tests on the trained ImageNet network and photos: {ran} ran, {skipped} skipped"
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("firebrick")
    group.addoption("--fast", action="store_true", help=f"leave out what {SLOW.name} lists")
    group.addoption("--record-slow", action="store_true", help=f"write {SLOW.name} anew")


def _function(nodeid: str) -> str:
    """A test without its parameters: they are slow or quick together."""
    return nodeid.partition("[")[0]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need the data, so that the summary finds them; leave out slow ones."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")
    if config.getoption("--fast"):
        slow = set(SLOW.read_text().split())
        left_out = [item for item in items if _function(item.nodeid) in slow]
        items[:] = [item for item in items if _function(item.nodeid) not in slow]
        config.hook.pytest_deselected(items=left_out)


def _record_slow(reporter: pytest.TerminalReporter) -> None:
    """Write the tests whose cases together took longer than :data:`SLOW_SECONDS`."""
    spent: Counter[str] = Counter()
    for reports in reporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                spent[_function(report.nodeid)] += report.duration
    slow = sorted(name for name, seconds in spent.items() if seconds > SLOW_SECONDS)
    SLOW.write_text("\n".join(slow) + "\n")
    reporter.write_line(
        f"{SLOW.name}: {len(slow)} of {len(spent)} tests take over {SLOW_SECONDS} s"
    )


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of calibration and held-out digits, the latter with labels; class names."""
    folder = tmp_path_factory.mktemp("digits")
    train, _, held_out, truth = load_digits_split()
    for name, images in (("train", train[:40]), ("held", held_out[:150])):
        (folder / name).mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image[0]).save(folder / name / f"{index:03}.png")
    rows = [f"{index:03}.png,{label}" for index, label in enumerate(truth[:150])]
    (folder / "labels.csv").write_text("\n".join(["file,class_index", *rows]))
    rows = [f"{index},{name}" for index, name in enumerate(CLASSES)]
    (folder / "classes.csv").write_text("\n".join(["class_index,name", *rows]))
    return folder


PUBLISHED = "squeezenet_v1.0_deep_compression.net"
