"""The archive for a board: complete, reproducible, and with everything that its parts import."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.commands.deploy import main
from firebrick.host.archive import load_samples
from firebrick.host.version import VERSION
from firebrick.hw.archive.pack import (
    CHECKSUMS,
    Sample,
    copy_to_board,
    golden_modules,
    pack,
    write_archive,
)
from firebrick.hw.boards import load_board
from firebrick.hw.flow.hwh import shape_of, write_hwh
from firebrick.models.digits import MODEL_PATH, load_digits_split
from firebrick.quantize import qfile
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.load import load_model
from firebrick.quantize.qnetwork import QNetwork
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def qnet() -> QNetwork:
    net, preprocessing = load_model(MODEL_PATH, preset="digits")
    return quantize_network(net, preprocessing, load_digits_split()[0][:32])


@pytest.fixture(scope="module")
def files(qnet: QNetwork) -> dict[str, bytes]:
    pictures = load_digits_split()[2][:2]
    samples = [Sample(f"digit_{i}", picture) for i, picture in enumerate(pictures)]
    return pack(qnet, load_board("pynq-z2"), samples, None)


def test_checksums_cover_every_file(files: dict[str, bytes]) -> None:
    listed = dict(line.split("  ")[::-1] for line in files[CHECKSUMS].decode().splitlines())
    assert set(listed) == set(files) - {CHECKSUMS}
    for name, digest in listed.items():
        assert hashlib.sha256(files[name]).hexdigest() == digest


def test_same_input_gives_the_same_bytes(
    files: dict[str, bytes], qnet: QNetwork, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_archive(files, "folder", tmp_path / f"{name}.tar.gz")
    one, two = ((tmp_path / f"{n}.tar.gz").read_bytes() for n in ("one", "two"))
    assert one == two
    with tarfile.open(tmp_path / "one.tar.gz") as archive:
        assert {m.name for m in archive} == {f"folder/{name}" for name in files}
        assert [m.name for m in archive if m.mode & 0o111] == ["folder/run.sh"]


def test_description_is_that_of_the_board(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "x.hwh").write_bytes(files["firebrick.hwh"])
    board = load_board("pynq-z2")
    assert shape_of(tmp_path / "x.hwh") == board.shape
    facts = json.loads(files["manifest.json"])
    assert facts["board"] == "pynq-z2" and facts["bitstream"] is False
    assert facts["firebrick"] == VERSION and f"release {VERSION}" in files["README.md"].decode()
    assert "There is no bitstream in this archive" in files["README.md"].decode()


def test_a_built_bitstream_comes_along(qnet: QNetwork, tmp_path: Path) -> None:
    (tmp_path / "firebrick.bit").write_bytes(b"bits")
    picture = load_digits_split()[2][0]
    board = load_board("pynq-z1")
    files = pack(qnet, board, [Sample("one", picture)], tmp_path / "firebrick.bit")
    assert files["firebrick.bit"] == b"bits"
    assert "There is no bitstream" not in files["README.md"].decode()


def test_the_program_is_made_for_the_array_that_was_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flow may build a smaller array than the board's, at another clock."""
    monkeypatch.setattr("firebrick.commands.deploy.build_folder", lambda: tmp_path)
    board = load_board("pynq-z2").with_clock(50)
    board = replace(board, shape=replace(board.shape, pixels=13, channels=16))
    folder = tmp_path / "pynq-z2"
    folder.mkdir()
    (folder / "firebrick.bit").write_bytes(b"bits")
    write_hwh(folder / "firebrick.hwh", board)
    archive = main(["--model", "digits", "--count", "1", "--out", str(tmp_path)])
    assert "firebrick.bit: an array of 13x16 at 50 MHz" in capsys.readouterr().out
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    written = tmp_path / "digits-pynq-z2"
    assert (written / "firebrick.hwh").read_bytes() == (folder / "firebrick.hwh").read_bytes()
    assert json.loads((written / "manifest.json").read_text())["clock_mhz"] == 50


def test_one_command_for_the_board(
    files: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive's README, its script, what `make deploy` prints and the docs name the same."""
    assert files["run.sh"] == (ROOT / "host" / "run.sh").read_bytes()
    main(["--model", "digits", "--count", "1", "--out", str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[-1] == (
        "on the board: tar xzf digits-pynq-z2.tar.gz; cd digits-pynq-z2; bash run.sh"
    )
    texts = [files["README.md"].decode(), *(p.read_text() for p in ROOT.glob("docs/*.md"))]
    assert sum("bash run.sh" in text for text in texts) == 2
    for text in (*texts, (ROOT / "README.md").read_text()):
        assert "python3 -m firebrick.host" not in text and "sudo python" not in text


def test_golden_model_brings_what_it_imports(files: dict[str, bytes], tmp_path: Path) -> None:
    """Nothing but NumPy, and Pillow for reading pictures, is needed beside it."""
    allowed = {"numpy", "PIL", "firebrick", "threadpoolctl", *sys.stdlib_module_names}
    for name in golden_modules():
        tree = ast.parse(files[f"firebrick/{name}"], feature_version=(3, 10))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in allowed
    for name in ("network.npz", "golden.npz", *(n for n in files if n.startswith("firebrick/"))):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    script = """
import sys
sys.modules["threadpoolctl"] = None  # not on the board
import numpy as np
sys.path.insert(0, "")
from firebrick.quantize import golden, qfile
samples = np.load("golden.npz")
sums = golden.run(qfile.load("network.npz"), samples["pixels"]).sums
assert (sums == samples["totals"]).all() and len(sums) == 2
assert "/firebrick/quantize/golden/" in golden.__file__
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


def test_pictures_are_cropped_and_lossless(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(files["images/digit_1.png"])
    picture = np.asarray(Image.open(tmp_path / "x.png"))
    np.testing.assert_array_equal(picture, load_digits_split()[2][1][0])


def test_pictures_of_one_name_are_both_kept(qnet: QNetwork, tmp_path: Path) -> None:
    pictures = load_digits_split()[2][:3]
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, picture in zip(("a.bmp", "a.png", "b c.png"), pictures, strict=True):
        Image.fromarray(picture[0]).save(folder / name)
    qfile.save(qnet, tmp_path / "net.npz")
    for model in (str(tmp_path / "net.npz"), "digits"):
        archive = main(["--model", model, "--images", str(folder), "--out", str(tmp_path / "out")])
        with tarfile.open(archive) as packed:
            packed.extractall(tmp_path / "unpacked", filter="data")
        (unpacked,) = (tmp_path / "unpacked").iterdir()
        names = ["a_bmp", "a_png", "b_c"]
        assert json.loads((unpacked / "manifest.json").read_text())["samples"] == names
        samples = load_samples(unpacked / "golden.npz")
        assert list(samples.names) == names
        for name, picture, pixels in zip(names, pictures, samples.pixels, strict=True):
            np.testing.assert_array_equal(pixels, picture)
            np.testing.assert_array_equal(
                np.asarray(Image.open(unpacked / "images" / f"{name}.png")), picture[0]
            )
        shutil.rmtree(unpacked)


@pytest.mark.parametrize(("cut", "words"), [(None, "an .npz archive"), (90, "not a readable")])
def test_an_npz_named_npy(qnet: QNetwork, tmp_path: Path, cut: int | None, words: str) -> None:
    qfile.save(qnet, tmp_path / "net.npz")
    (tmp_path / "pictures").mkdir()
    np.savez(tmp_path / "x.npz", a=load_digits_split()[2][0])
    (tmp_path / "pictures" / "x.npy").write_bytes((tmp_path / "x.npz").read_bytes()[:cut])
    arguments = ["--model", str(tmp_path / "net.npz"), "--images", str(tmp_path / "pictures")]
    with pytest.raises(FirebrickError, match=rf"x\.npy: {words}"):
        main([*arguments, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def scp(folder: Path, script: str) -> None:
    path = folder / "scp"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_copy_to_the_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scp(tmp_path, f'echo "$@" > {tmp_path}/arguments')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    copy_to_board(tmp_path / "a.tar.gz", "xilinx@pynq")
    assert (tmp_path / "arguments").read_text().split() == [
        str(tmp_path / "a.tar.gz"),
        "xilinx@pynq:",
    ]
    scp(tmp_path, "echo 'ssh: connect to host pynq port 22: No route to host' >&2; exit 255")
    with pytest.raises(FirebrickError, match=r"a\.tar\.gz was not copied to .*No route to host"):
        copy_to_board(tmp_path / "a.tar.gz", "xilinx@pynq")


def test_without_scp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FirebrickError, match="apt-get install openssh-client"):
        copy_to_board(tmp_path / "a.tar.gz", "xilinx@pynq")


def test_user_network_needs_pictures(tmp_path: Path) -> None:
    with pytest.raises(FirebrickError, match="IMAGES is missing"):
        main(["--model", str(MODEL_PATH), "--preset", "digits", "--out", str(tmp_path)])
    with pytest.raises(FirebrickError, match="'blinky' is not known"):
        main(["--board", "blinky", "--out", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []
