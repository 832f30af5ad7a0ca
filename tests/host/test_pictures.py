"""Pictures for the network: the pixels of the quantizer's preprocessing, and clear refusals."""

from __future__ import annotations

import struct
import sys
import types
import zlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firebrick.host import errors, pictures, sources
from firebrick.host.program import Program, parse_program
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures import preprocess
from firebrick.quantize.pictures.preprocess import PRESETS, list_images, load_image
from firebrick.quantize.preprocessing import COLORS
from tests.host.fake_engine import make_program


def program(color: str = "BGR", resize: int = 12) -> Program:
    """A program for pictures of 11x9 pixels."""
    parsed = parse_program(make_program().blob)
    spec = replace(parsed.input, channels=len(color))
    return replace(parsed, input=spec, preprocessing={"color": color, "resize": resize})


@pytest.mark.parametrize("size", [(11, 9), (12, 12), (40, 31), (200, 13), (13, 57)])
@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("resize", [0, 12, 20])
def test_same_pixels_as_in_quantization(
    size: tuple[int, int], color: str, resize: int, tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.png")
    channels = len(color)
    value = replace(
        PRESETS["caffe-squeezenet"],
        color=color,
        resize=resize,
        crop=(9, 11),
        mean=(1.0,) * channels,
        std=(1.0,) * channels,
    )
    expected = load_image(tmp_path / "p.png", value)
    found = pictures.load(tmp_path / "p.png", program(color, asdict(value)["resize"]))
    np.testing.assert_array_equal(found.transpose(2, 0, 1), expected)
    np.testing.assert_array_equal(pictures.fit(noise, program(color, resize)), found)


def sixteen_bit(folder: Path) -> tuple[Path, np.ndarray]:
    """A gray ramp over the 16-bit range, and what its 8 bits are."""
    values = np.linspace(0, 65535, 99).round().astype(np.uint16).reshape(9, 11)
    Image.fromarray(values).save(folder / "p.png")
    return folder / "p.png", np.rint(values / 257).astype(np.uint8)


def turned(folder: Path) -> tuple[Path, np.ndarray]:
    """A picture that is stored lying on its side, with EXIF to say so."""
    upright = np.random.default_rng(5).integers(0, 256, (9, 11), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(np.rot90(upright)).save(folder / "p.png", exif=exif)
    return folder / "p.png", upright


def palette(folder: Path) -> tuple[Path, np.ndarray]:
    gray = np.random.default_rng(6).integers(0, 8, (9, 11), dtype=np.uint8) * 30
    picture = Image.fromarray(np.stack([gray] * 3, axis=2)).quantize(16)
    picture.save(folder / "p.png")
    return folder / "p.png", np.asarray(picture.convert("L"))


def transparent(folder: Path) -> tuple[Path, np.ndarray]:
    """Alpha is left out, as training's convert("RGB") does."""
    gray = np.random.default_rng(7).integers(0, 256, (9, 11), dtype=np.uint8)
    Image.fromarray(np.stack([gray, gray, gray, 255 - gray], axis=2)).save(folder / "p.png")
    return folder / "p.png", gray


def gray_noise() -> np.ndarray:
    return np.random.default_rng(8).integers(0, 256, (9, 11), dtype=np.uint8)


def sixteen_bit_turned(folder: Path) -> tuple[Path, np.ndarray]:
    upright = gray_noise()
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = np.rot90(upright).astype(np.uint16) * 257
    Image.fromarray(np.ascontiguousarray(lying)).save(folder / "p.png", exif=exif)
    return folder / "p.png", upright


def tiff_turned(folder: Path) -> tuple[Path, np.ndarray]:
    """Pillow turns a TIFF when it loads one, so nothing else must."""
    upright = gray_noise()
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    lying.save(folder / "p.tiff", tiffinfo={0x0112: 6})
    return folder / "p.tiff", upright


def sixteen_bit_tiff(folder: Path) -> tuple[Path, np.ndarray]:
    gray = gray_noise()
    Image.fromarray(gray.astype(np.uint16) * 257).save(folder / "p.tif")
    return folder / "p.tif", gray


def sixteen_bit_pgm(folder: Path) -> tuple[Path, np.ndarray]:
    gray = gray_noise()
    numbers = (gray.astype(np.uint16) * 257).astype(">u2").tobytes()
    (folder / "p.pgm").write_bytes(b"P5\n# made by hand\n11 9\n65535\n" + numbers)
    return folder / "p.pgm", gray


def palette_with_transparency(folder: Path) -> tuple[Path, np.ndarray]:
    gray = (gray_noise() // 32) * 32
    picture = Image.fromarray(gray).convert("P")
    picture.save(folder / "p.png", transparency=bytes(range(256)))
    return folder / "p.png", gray


def gif_of_two_frames(folder: Path) -> tuple[Path, np.ndarray]:
    gray = gray_noise()
    frames = [Image.fromarray(255 - gray)]
    Image.fromarray(gray).save(folder / "p.gif", save_all=True, append_images=frames)
    return folder / "p.gif", gray


def webp(folder: Path) -> tuple[Path, np.ndarray]:
    gray = gray_noise()
    Image.fromarray(np.stack([gray] * 3, axis=2)).save(folder / "p.webp", lossless=True)
    return folder / "p.webp", gray


def multi_picture(folder: Path) -> tuple[Path, np.ndarray]:
    """What telephones write: a JPEG with a second picture behind the first."""
    Image.init()
    if "MPO" not in Image.SAVE_ALL:
        pytest.skip("this Pillow writes no such file")
    gray = np.full((9, 11), 90, np.uint8)
    other = [Image.fromarray(255 - gray)]
    Image.fromarray(gray).save(folder / "p.jpg", "MPO", save_all=True, append_images=other)
    return folder / "p.jpg", gray


def cmyk(folder: Path) -> tuple[Path, np.ndarray]:
    ink = np.zeros((9, 11, 4), np.uint8)
    ink[..., 3] = 255 - gray_noise()
    Image.fromarray(ink, "CMYK").save(folder / "p.tif")
    return folder / "p.tif", gray_noise()


CASES = [
    sixteen_bit,
    sixteen_bit_turned,
    sixteen_bit_tiff,
    sixteen_bit_pgm,
    turned,
    tiff_turned,
    palette,
    palette_with_transparency,
    transparent,
    gif_of_two_frames,
    webp,
    multi_picture,
    cmyk,
]


@pytest.mark.parametrize("case", CASES)
def test_pictures_are_read_as_people_see_them(case, tmp_path: Path) -> None:
    """On the desk and on the board, and as the case says."""
    path, expected = case(tmp_path)
    value = replace(
        PRESETS["caffe-squeezenet"], color="L", resize=0, crop=(9, 11), mean=(1.0,), std=(1.0,)
    )
    np.testing.assert_array_equal(load_image(path, value)[0], expected)
    np.testing.assert_array_equal(pictures.load(path, program("L", 0))[:, :, 0], expected)


def _png(width: int, height: int) -> bytes:
    """A PNG of that size whose pixels are missing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    return data + struct.pack(">I", zlib.crc32(header)) + bytes(4) + b"IDAT"


def _inverted(path: Path) -> None:
    """A 16-bit TIFF that says that 0 is white."""
    Image.fromarray(np.zeros((9, 11), np.uint16)).save(path)
    entry = struct.pack("<HHIH", 262, 3, 1, 1)
    data = path.read_bytes()
    assert data.count(entry) == 1
    path.write_bytes(data.replace(entry, struct.pack("<HHIH", 262, 3, 1, 0)))


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (lambda path: Image.fromarray(np.ones((9, 11), np.float32)).save(path), "floating-point"),
        (lambda path: Image.fromarray(np.full((9, 11), 200, np.int32)).save(path), "signed or 32-"),
        (lambda path: path.write_bytes(b"II*\0 cut"), "not a readable"),
        (lambda path: path.write_bytes(b"P5 11 9 15\n" + bytes(99)), "numbers up to 15;"),
        (lambda path: path.write_bytes(b"P5 11 9 4095\n" + bytes(198)), "numbers up to 4095;"),
        (lambda path: path.write_bytes(b"GIF89a"), "not a readable"),
        (lambda path: path.write_bytes(_png(60_000, 60_000)), "not a readable.*bomb"),
        (lambda path: path.write_bytes(_png(11, 9)), "not a readable"),
        (lambda path: Image.new("L", (1, 1)).save(path), "1x1 pixels"),
        (lambda path: _inverted(path), "of which 0 is white|not a readable"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(save, words: str, tmp_path: Path) -> None:
    path = tmp_path / "p.tiff"
    save(path)
    value = replace(PRESETS["caffe-squeezenet"], resize=0, crop=(9, 11))
    with pytest.raises(FirebrickError, match=words) as caught:
        load_image(path, value)
    assert str(path) in str(caught.value)
    with pytest.raises(errors.ImageError, match=words) as found:
        pictures.load(path, program("BGR", 0))
    assert str(path) in str(found.value)


def test_what_is_left_out_of_a_picture_is_said_once(tmp_path: Path, capsys, monkeypatch) -> None:
    value = replace(PRESETS["caffe-squeezenet"], resize=0, crop=(9, 11))
    monkeypatch.setattr(preprocess, "_said", set())
    monkeypatch.setattr(pictures, "_said", set())
    for case, said in (
        (transparent, "p.png: is transparent in places; alpha is left out"),
        (palette_with_transparency, None),
        (gif_of_two_frames, "p.gif: of pictures with several frames or pages the first is used"),
        (gif_of_two_frames, None),
    ):
        path, _ = case(tmp_path)
        load_image(path, value)
        desk = capsys.readouterr().err
        pictures.load(path, program("BGR", 0))
        assert capsys.readouterr().err == desk
        assert desk.count("\n") == (said is not None)
        assert said is None or said in desk


def test_an_archive_is_no_array(tmp_path: Path) -> None:
    with open(tmp_path / "p.npy", "wb") as file:
        np.savez(file, a=np.zeros((9, 11, 3), np.uint8))
    value = replace(PRESETS["caffe-squeezenet"], resize=0, crop=(9, 11))
    whole = (tmp_path / "p.npy").read_bytes()
    for data, words in ((whole, "an .npz archive"), (whole[:90], "not a readable array")):
        (tmp_path / "p.npy").write_bytes(data)
        with pytest.raises(FirebrickError, match=rf"p\.npy: {words}"):
            load_image(tmp_path / "p.npy", value)
        with pytest.raises(errors.ImageError, match=rf"p\.npy: {words}"):
            pictures.load(tmp_path / "p.npy", program("BGR", 0))


def test_what_the_board_does_not_use_of_a_folder_is_named(tmp_path: Path, capsys) -> None:
    Image.fromarray(np.zeros((9, 11, 3), np.uint8)).save(tmp_path / "a.png")
    for name in ("b.heic", "c.raw", "labels.csv"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d.png").mkdir()
    assert [p.name for p in sources.folder(tmp_path, program())] == ["a.png"]
    assert capsys.readouterr().err == (
        f"not used in {tmp_path}: 3 other entries (b.heic, c.raw, d.png)\n"
    )


def test_strays_are_no_pictures(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        Image.fromarray(np.zeros((9, 11, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7")
    assert [p.name for p in list_images(tmp_path)] == ["a.png", "b.jpg"]
    assert [p.name for p in sources.folder(tmp_path, program())] == ["a.png", "b.jpg"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("color", COLORS)
def test_arrays_are_converted_like_files(color: str, channels: int, tmp_path: Path) -> None:
    """Of another size, so that a conversion takes place even between equal channels."""
    noise = np.random.default_rng(2).integers(0, 256, (20, 30, channels), dtype=np.uint8)
    planes = noise[:, :, 0] if channels == 1 else noise
    Image.fromarray(planes).save(tmp_path / "p.png")
    expected = pictures.load(tmp_path / "p.png", program(color))
    np.testing.assert_array_equal(pictures.fit(noise, program(color)), expected)
    np.testing.assert_array_equal(pictures.fit(planes, program(color)), expected)


@pytest.mark.parametrize("color", COLORS)
def test_array_files_as_in_quantization(color: str, tmp_path: Path) -> None:
    channels = len(color)
    value = replace(
        PRESETS["caffe-squeezenet"],
        color=color,
        crop=(9, 11),
        mean=(1.0,) * channels,
        std=(1.0,) * channels,
    )
    planes = np.random.default_rng(3).integers(0, 256, (channels, 9, 11), dtype=np.uint8)
    stored = [planes, planes.transpose(1, 2, 0), *([planes[0]] if channels == 1 else [])]
    for number, array in enumerate(stored):
        np.save(tmp_path / f"{number}.npy", array)
    for number, picture in enumerate(sources.folder(tmp_path, program(color))):
        expected = load_image(tmp_path / f"{number}.npy", value)
        np.testing.assert_array_equal(picture.pixels.transpose(2, 0, 1), expected)
    assert number + 1 == len(stored)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(errors.ImageError, match=r"none\.png: no such picture"):
        pictures.load(tmp_path / "none.png", program())
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(errors.ImageError, match=r"bad\.png: not a readable picture"):
        pictures.load(tmp_path / "bad.png", program())
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    with pytest.raises(errors.ImageError, match=r"small\.png: 8x8 pixels .* network's 11x9"):
        pictures.load(tmp_path / "small.png", program(resize=0))
    with pytest.raises(errors.ImageError, match="float64"):
        pictures.fit(np.zeros((9, 11, 3)), program())
    with pytest.raises(errors.ImageError, match=r"\[9, 11, 5\]"):
        pictures.fit(np.zeros((9, 11, 5), np.uint8), program())
    (tmp_path / "bad.npy").write_bytes(b"no array")
    with pytest.raises(errors.ImageError, match=r"bad\.npy: not a readable array"):
        pictures.load(tmp_path / "bad.npy", program())
    np.save(tmp_path / "other.npy", np.zeros((3, 9, 12), np.uint8))
    with pytest.raises(errors.ImageError, match=r"other\.npy: the picture is 3x9x12"):
        pictures.load(tmp_path / "other.npy", program())
    with pytest.raises(errors.ImageError, match=r"none\.npy: no such picture"):
        pictures.load(tmp_path / "none.npy", program())


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    exact = np.zeros((9, 11, 3), np.uint8)
    assert np.shares_memory(pictures.fit(exact, program()), exact)
    with pytest.raises(errors.ImageError, match="needs Pillow"):
        pictures.fit(np.zeros((20, 20, 3), np.uint8), program())


def test_folder_refusals(tmp_path: Path) -> None:
    with pytest.raises(errors.SourceError, match="No such file"):
        sources.folder(tmp_path / "none", program())
    with pytest.raises(errors.SourceError, match="holds no pictures"):
        sources.folder(tmp_path, program())


class Capture:
    """cv2.VideoCapture with three frames."""

    opened: list[Capture] = []  # noqa: RUF012

    def __init__(self, device: int) -> None:
        self.device, self.frames, self.released = device, 3, False
        Capture.opened.append(self)

    def isOpened(self) -> bool:
        return self.device == 0

    def read(self) -> tuple[bool, np.ndarray]:
        self.frames -= 1
        return self.frames >= 0, np.full((9, 11, 3), (1, 2, 3), np.uint8)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def cv2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = types.ModuleType("cv2")
    module.VideoCapture = Capture  # type: ignore[attr-defined]
    module.COLOR_BGR2RGB = 4  # type: ignore[attr-defined]
    module.cvtColor = lambda frame, code: frame[..., ::-1]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv2", module)
    Capture.opened.clear()
    yield


def test_camera(cv2: None) -> None:
    frames = list(sources.camera(program(), count=2))
    assert [frame.name for frame in frames] == ["frame 0", "frame 1"]
    assert frames[0].pixels[0, 0].tolist() == [3, 2, 1]
    assert Capture.opened[0].released


def test_camera_that_stops(cv2: None) -> None:
    with pytest.raises(errors.SourceError, match="delivers no more frames, 3 were read"):
        list(sources.camera(program()))
    assert Capture.opened[0].released


def test_no_camera(cv2: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.SourceError, match="camera 7 does not open"):
        sources.camera(program(), 7)
    assert Capture.opened[0].released
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(errors.SourceError, match="needs OpenCV"):
        sources.camera(program())
