"""The archive works where it is unpacked, and the notebook runs in it from first to last cell."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell

from firebrick.commands import deploy
from firebrick.commands import notebook as command
from firebrick.commands.notebook import NAME, execute
from firebrick.quantize.errors import FirebrickError
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An unpacked archive with the digits network."""
    archive = deploy.main(["--model", "digits", "--count", "2", "--out", str(tmp_path / "packed")])
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / archive.name.removesuffix(".tar.gz")


def self_test(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "firebrick", "onboard", "firebrick.host.selftest"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))},
        capture_output=True,
        text=True,
    )


def reseal(folder: Path, name: str) -> None:
    """Make the archive's list say what is in a file now."""
    sums = (folder / "SHA256SUMS").read_text()
    changed = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(re.sub(rf"\w+(?=  {re.escape(name)})", changed, sums))


def test_self_test(folder: Path) -> None:
    done = self_test(folder)
    assert done.returncode == 0, done.stderr
    assert "bit-exact: " in done.stdout and " 0 mismatches" in done.stdout
    with np.load(folder / "golden.npz") as file:
        arrays = dict(file)
    arrays["totals"][1, 3] += 1
    np.savez(folder / "golden.npz", **arrays)
    done = self_test(folder)
    assert done.returncode == 2
    assert "golden.npz: not as it was packed" in done.stderr
    reseal(folder, "golden.npz")
    done = self_test(folder)
    assert done.returncode == 1
    assert "NOT bit-exact" in done.stdout and "1 mismatches" in done.stdout


def test_every_cell_runs(folder: Path) -> None:
    notebook = execute(folder)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    text = "".join(o.get("text", "") for cell in code for o in cell.outputs)
    assert "bit-exact - " in text and text.count(" 0 mismatches") == 2
    assert "no live video" in text or "camera" in text
    pictures = [o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 4


# A camera of two frames, as far as OpenCV's is used; the notebook asks for more.
CAMERA = """
from pathlib import Path

import numpy as np
from PIL import Image

COLOR_BGR2RGB = 4
with Image.open(sorted(Path("images").iterdir())[0]) as picture:
    SHOWN = np.asarray(picture.convert("RGB"))


class VideoCapture:
    def __init__(self, device):
        self.left = 2

    def isOpened(self):
        return True

    def read(self):
        self.left -= 1
        return self.left >= 0, SHOWN

    def release(self):
        pass


def cvtColor(frame, code):
    return frame
"""


def test_a_detector_in_the_notebook(tmp_path: Path) -> None:
    """Self-test and every cell; boxes of the samples, of a picture and of live video."""
    archive = deploy.main(["--model", "detector", "--count", "2", "--out", str(tmp_path)])
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    folder = tmp_path / archive.name.removesuffix(".tar.gz")
    assert "from firebrick.host.detection import detect" in (folder / "README.md").read_text()
    done = self_test(folder)
    assert done.returncode == 0, done.stderr
    assert "bit-exact: " in done.stdout and " 0 mismatches" in done.stdout
    assert re.search(r"canvas_0: \d \(\d+\.\d%\)", done.stdout), done.stdout
    (folder / "cv2.py").write_text(CAMERA)
    path = folder / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace("count=100", "count=2")
    nbformat.write(notebook, path)
    reseal(folder, path.name)
    notebook = execute(folder)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    text = "".join(o.get("text", "") for cell in code for o in cell.outputs)
    assert "bit-exact - " in text and text.count(" 0 mismatches") == 2
    pictures = [o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 5
    kept = os.environ.get("FIREBRICK_KEEP_PICTURES")
    if kept:
        for number, output in enumerate(pictures):
            data = base64.b64decode(output["data"]["image/png"])
            (Path(kept) / f"notebook-{number}.png").write_bytes(data)


def test_a_failing_cell_is_an_error(folder: Path) -> None:
    path = folder / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [new_code_cell("1 / 0")]
    nbformat.write(notebook, path)
    with pytest.raises(FirebrickError, match=r"squeezenet\.ipynb, cell 0: ZeroDivisionError"):
        execute(folder)


def test_the_repository_keeps_no_outputs() -> None:
    notebook = json.loads((ROOT / "host" / "notebooks" / f"{NAME}.ipynb").read_text())
    for cell in notebook["cells"]:
        assert cell["cell_type"] == "markdown" or (
            cell["outputs"] == [] and cell["execution_count"] is None
        )


def test_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Packed, unpacked where the page will be, and written; what runs the cells is tested above."""

    def unrun(folder: Path) -> nbformat.NotebookNode:
        assert (folder / "network.fbp").is_file()
        return nbformat.read(folder / f"{NAME}.ipynb", as_version=4)

    monkeypatch.setattr(command, "execute", unrun)
    monkeypatch.setattr(command, "build_folder", lambda: tmp_path)
    packed = tmp_path / "packed"
    command.main(["--model", "digits", "--count", "2", "--out", str(packed)])
    page, written = (tmp_path / "notebook" / f"{NAME}.{kind}" for kind in ("html", "ipynb"))
    assert "<html" in page.read_text() and nbformat.read(written, as_version=4).cells
    assert f"every cell ran; wrote {page}" in capsys.readouterr().out
