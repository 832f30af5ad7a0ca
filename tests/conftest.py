"""What all tests share: where the large test data is, when it is there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image

from firebrick.models.digits import CLASSES, load_digits_split
from firebrick.quantize.support.paths import build_folder
from tests import fast

ROOT = Path(__file__).resolve().parents[1]

# Whoever starts the tests in the background may ignore the keyboard's signal or the terminal's end,
# and children inherit that; the tests of interrupts mean the usual.
for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _usual)

# As the commands have it: yosys compiles its WebAssembly once for both.
os.environ["YOWASP_CACHE_DIR"] = str(build_folder() / "cache" / "yowasp")

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
    fast.tell(terminalreporter)
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
    fast.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-slow"):
        config.pluginmanager.register(fast)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need the data, so that the summary finds them; leave out slow ones."""
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("shared_data")
    fast.keep_nightly(config, items)
    if config.getoption("--fast"):
        fast.leave_out(config, items)


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
