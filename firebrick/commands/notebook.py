"""Run the notebook on the simulated board, as on a board.

Packs the archive that a board would get, unpacks it, executes the notebook in it from first cell to
last, and writes what a reader would see as a page.  A cell that fails is an error.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from firebrick.commands import deploy
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.support.files import write_text
from firebrick.quantize.support.locks import sole_writer
from firebrick.quantize.support.paths import IMPORT_PATH, build_folder
from firebrick.quantize.support.progress import track
from firebrick.quantize.support.terminal import new_console

if TYPE_CHECKING:
    import nbformat

NAME = "squeezenet"
# A cell may simulate some frames of a large network, and build the simulation before.
CELL_SECONDS = 1800


def execute(folder: Path) -> nbformat.NotebookNode:
    """Run the notebook of the unpacked archive in ``folder``; FirebrickError where a cell fails."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(folder / f"{NAME}.ipynb", as_version=4)
    # The archive's own folders come first; the simulated board is the project's.
    paths = [str(folder.resolve()), str(IMPORT_PATH), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    with client.setup_kernel(env=environment):
        cells = list(enumerate(notebook.cells))
        for index, cell in track(cells, "run the notebook", len(cells)):
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                raise FirebrickError(
                    f"{NAME}.ipynb, cell {index}: {error.ename}: {error.evalue}"
                ) from error
            except (CellTimeoutError, DeadKernelError) as error:
                raise FirebrickError(f"{NAME}.ipynb, cell {index}: {error}") from error
    return notebook


def main(arguments: list[str] | None = None) -> None:
    """The command; its options are those of :mod:`commands.deploy`."""
    console = new_console()
    archive = deploy.main(arguments, "notebook")
    out = build_folder() / "notebook"
    with sole_writer(out):
        _run(archive, out)
    console.print(f"every cell ran; wrote {out / f'{NAME}.html'}", soft_wrap=True)


def _run(archive: Path, out: Path) -> None:
    """Run the notebook of ``archive`` in the folder ``out``, which is emptied before."""
    # Imported here: they take a second.
    import nbformat
    from nbconvert import HTMLExporter

    shutil.rmtree(out, ignore_errors=True)
    with tarfile.open(archive) as packed:
        packed.extractall(out, filter="data")
    (folder,) = out.iterdir()
    notebook = execute(folder)
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    for path, text in (
        (out / f"{NAME}.html", page),
        (out / f"{NAME}.ipynb", nbformat.writes(notebook) + "\n"),
    ):
        write_text(path, text)
