"""Every command on every kind of damaged file: one line that names it, never a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick import cli
from firebrick.quantize import qfile
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.exporters.float_onnx import export_onnx
from tests.quantize import builders

# Of each command that takes a network, what it needs besides; {} is the folder of the good files.
COMMANDS = {
    "demo": "--images {}/pictures --shape 8x8 --effort plain --count 1 --out {}/out",
    "accuracy": "--images {}/pictures --labels {}/labels.csv --effort plain --out {}/out.json",
    "quantize": "--images {}/pictures --calibration {}/more --effort plain --out {}/out.npz",
    "deploy": "--images {}/pictures --out {}/out",
    "learn": "--images {}/pictures --out {}/out.npz",
    "compress": "--images {}/pictures --out {}/out.net",
    "notebook": "--images {}/pictures",
    "figures": "",
    "hls": "--out {}/out",
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network in its formats, eight pictures, labels and names."""
    folder = tmp_path_factory.mktemp("good")
    net = builders.fire_network(3)
    export_onnx(net, builders.RGB, folder / "net.onnx")
    qfile.save(quantize_network(net, builders.RGB, builders.photos(1, 4)), folder / "net.npz")
    (folder / "net.net").write_bytes(np.random.default_rng(1).bytes(4000))
    for seed, name in enumerate(("pictures", "more")):
        (folder / name).mkdir()
        for index, picture in enumerate(builders.photos(seed, 8)):
            Image.fromarray(picture.transpose(1, 2, 0)).save(folder / name / f"{index}.png")
    rows = [f"{index}.png,{index % 3}" for index in range(8)]
    (folder / "labels.csv").write_text("\n".join(["file,class_index", *rows]))
    return folder


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": cut,
    "half a head": lambda data: data[:7],
    "zeros": lambda data: bytes(len(data)),
    "text": lambda data: "näme;größe\r\n[/red],[hd]\r\n".encode("latin-1"),
    "html": lambda data: b"<!DOCTYPE html><html><body>404</body></html>",
    "a pointer": lambda data: POINTER,
    "a picture": lambda data: b"\x89PNG\r\n\x1a\n" + bytes(64),
}


def run(capsys: pytest.CaptureFixture, command: str, arguments: list[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        cli.main([command, *arguments])
    return int(left.value.code or 0), capsys.readouterr().err


def check(code: int, error: str, what: str) -> None:
    """Refused in one line, or (labels cut behind a whole line are right) accepted."""
    assert code in (0, 1, 2, 3), f"{what}: exit code {code}: {error}"
    lines = [line for line in error.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in error and len(lines) == (code == 2), f"{what}: {error}"


def arguments_of(command: str, folder: Path, model: Path) -> list[str]:
    return ["--model", str(model), *COMMANDS[command].replace("{}", str(folder)).split()]


@pytest.mark.parametrize("kind", ["net.onnx", "net.npz", "net.net"])
@pytest.mark.parametrize("command", COMMANDS)
def test_damaged_networks(
    command: str, kind: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    data = (good / kind).read_bytes()
    for name, damage in DAMAGE.items():
        model = tmp_path / kind
        model.write_bytes(damage(data))
        code, error = run(capsys, command, arguments_of(command, good, model))
        check(code, error, f"{command} {kind} {name}")
        assert code == 2, f"{command} takes a {kind} that is {name}"
    folder = tmp_path / "folder" / kind
    folder.mkdir(parents=True)
    for model in (folder, tmp_path / "none" / kind):
        code, error = run(capsys, command, arguments_of(command, good, model))
        check(code, error, f"{command} {model.name}")
        assert code == 2


@pytest.mark.parametrize("command", ["accuracy", "quantize", "demo"])
@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_labels_names_and_pictures(
    command: str, name: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    model = good / "net.onnx"
    damage = DAMAGE[name]
    labels = tmp_path / "labels.csv"
    labels.write_bytes(damage((good / "labels.csv").read_bytes()))
    text = COMMANDS[command].replace("{}", str(good)).replace(f"--labels {good}/labels.csv", "")
    plain = ["--model", str(model), *text.split()]
    given = [*plain, "--labels", str(labels)]
    code, error = run(capsys, command, given)
    check(code, error, f"{command} labels {name}")
    if name != "cut":
        assert code == 2 and "labels.csv" in error
    if command != "accuracy":
        code, error = run(capsys, command, [*plain, "--classes", str(labels)])
        check(code, error, f"{command} classes {name}")
        assert code == 2 and "labels.csv" in error
    pictures = tmp_path / "pictures"
    shutil.copytree(good / "pictures", pictures)
    broken = pictures / "0.png"
    broken.write_bytes(damage(broken.read_bytes()))
    folders = [part.replace(f"{good}/pictures", str(pictures)) for part in plain]
    if command == "accuracy":
        # Others calibrate, so that these are left to be measured.
        folders += ["--labels", str(good / "labels.csv"), "--calibration", str(good / "pictures")]
    code, error = run(capsys, command, folders)
    check(code, error, f"{command} pictures {name}")
    assert code == 2 and "0.png" in error
