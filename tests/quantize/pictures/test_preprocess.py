"""Pictures to pixels, and what the float network sees."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.pictures import preprocess
from firebrick.quantize.qnetwork import Preprocessing
from tests.quantize import builders

PLAIN = Preprocessing("RGB", 0, (6, 8), 1.0, (0.0,) * 3, (1.0,) * 3)


def picture(path, height, width, mode="RGB", seed=0):
    shape = (height, width) if mode == "L" else (height, width, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return pixels


def test_caffe_subtracts_the_mean_in_blue_green_red_order():
    image = np.zeros((3, 1, 1), np.uint8)
    image[:, 0, 0] = 10, 20, 30
    seen = preprocess.float_input(image, preprocess.PRESETS["caffe-squeezenet"])
    assert seen.dtype == np.float32
    assert seen[:, 0, 0].tolist() == [30 - 104, 20 - 117, 10 - 123]


def test_torchvision_normalizes_in_red_green_blue_order():
    image = np.full((2, 3, 1, 1), 255, np.uint8)
    seen = preprocess.float_input(image, preprocess.PRESETS["torchvision"])
    expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    np.testing.assert_allclose(seen[1, :, 0, 0], expected, rtol=1e-6)


def test_digits_are_scaled_to_one():
    image = np.array([[[0, 51, 255]]], np.uint8)
    seen = preprocess.float_input(image, preprocess.PRESETS["digits"])
    np.testing.assert_allclose(seen[0, 0], [0, 0.2, 1], rtol=1e-6)


def test_pixels_are_taken_as_they_are():
    image = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    value = preprocess.PRESETS["pixels"]
    np.testing.assert_array_equal(preprocess.float_input(image, value), image)


def test_values_replace_those_of_a_preset():
    value = preprocess.preprocessing("torchvision", color="BGR", resize=300, std=[1, 1, 1])
    assert (value.color, value.resize, value.std) == ("BGR", 300, (1.0, 1.0, 1.0))
    assert value.mean == preprocess.PRESETS["torchvision"].mean


def test_all_values_need_no_preset():
    value = preprocess.preprocessing(color="L", resize=0, scale=1.0, mean=[5], std=[2])
    assert value == Preprocessing("L", 0, (0, 0), 1.0, (5.0,), (2.0,))


def test_nothing_is_guessed():
    with pytest.raises(FirebrickError, match=r"not stated.*or give resize, mean$"):
        preprocess.preprocessing(color="RGB", scale=1.0, std=[1, 1, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "imagenet"}, "unknown preprocessing preset 'imagenet'; known are caffe"),
        ({"color": "HSV"}, "color must be one of RGB, BGR, L"),
        ({"mean": [1.0]}, "mean needs 3 values for color BGR, not 1"),
        ({"std": [1, 0, 1]}, "greater than zero"),
        ({"scale": -1.0}, "greater than zero"),
        ({"scale": float("nan")}, "finite"),
        ({"resize": -1}, "must not be negative"),
        ({"resize": 100}, "does not fit pictures resized to 100"),
    ],
)
def test_values_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(FirebrickError, match=message):
        preprocess.preprocessing(**{"preset": "caffe-squeezenet", **changes})


def test_the_crop_is_the_input_of_the_network(small_network):
    value = preprocess.for_network(preprocess.preprocessing("torchvision"), small_network)
    assert value.crop == (19, 17)
    assert value.resize == 256


def test_the_resize_is_never_smaller_than_the_input():
    net = builders.fire_network(shape=(1, 40, 36))
    value = preprocess.for_network(preprocess.preprocessing("digits"), net)
    assert (value.resize, value.crop) == (40, (40, 36))


def test_a_network_with_other_channels_is_refused(small_network):
    with pytest.raises(FirebrickError, match="has 3 channels, but the preprocessing's color L"):
        preprocess.for_network(preprocess.preprocessing("digits"), small_network)


def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path):
    pixels = picture(tmp_path / "a.png", 6, 8)
    value = dataclasses.replace(PLAIN, resize=20)
    image = preprocess.load_image(tmp_path / "a.png", value)
    np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1))


def test_the_file_is_red_green_blue_whatever_the_network_wants(tmp_path):
    pixels = picture(tmp_path / "a.png", 6, 8)
    image = preprocess.load_image(tmp_path / "a.png", dataclasses.replace(PLAIN, color="BGR"))
    np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1))


def test_without_resize_the_centre_is_cut_out(tmp_path):
    pixels = picture(tmp_path / "a.png", 9, 10)
    image = preprocess.load_image(tmp_path / "a.png", PLAIN)
    np.testing.assert_array_equal(image, pixels[1:7, 1:9].transpose(2, 0, 1))


@pytest.mark.parametrize(("height", "width"), [(24, 40), (40, 24), (5, 7)])
def test_the_shorter_side_is_resized_before_the_crop(tmp_path, height, width):
    picture(tmp_path / "a.png", height, width)
    image = preprocess.load_image(tmp_path / "a.png", dataclasses.replace(PLAIN, resize=12))
    with Image.open(tmp_path / "a.png") as original:
        ratio = 12 / min(height, width)
        size = (round(width * ratio), round(height * ratio))
        whole = np.asarray(original.resize(size, Image.Resampling.BILINEAR))
    left, top = (size[0] - 8) // 2, (size[1] - 6) // 2
    expected = whole[top : top + 6, left : left + 8]
    np.testing.assert_array_equal(image, expected.transpose(2, 0, 1))


def test_grayscale(tmp_path):
    pixels = picture(tmp_path / "a.png", 6, 8, mode="L")
    gray = Preprocessing("L", 0, (6, 8), 1.0, (0.0,), (1.0,))
    np.testing.assert_array_equal(preprocess.load_image(tmp_path / "a.png", gray)[0], pixels)
    assert preprocess.load_image(tmp_path / "a.png", PLAIN).shape == (3, 6, 8)


@pytest.mark.parametrize(
    ("color", "mode", "order"), [("LA", "LA", [0, 1]), ("RGBA", "RGBA", [0, 1, 2, 3]),
    ("BGRA", "RGBA", [2, 1, 0, 3])],
)  # fmt: skip
def test_alpha_is_a_channel(tmp_path, color, mode, order):
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, len(color)), np.uint8)
    Image.fromarray(pixels, mode).save(tmp_path / "a.png")
    mean, std = tuple(range(1, len(color) + 1)), (2.0,) * len(color)
    value = Preprocessing(color, 0, (6, 8), 0.5, mean, std)
    image = preprocess.load_image(tmp_path / "a.png", value)
    np.testing.assert_array_equal(image, pixels.transpose(2, 0, 1))
    seen = preprocess.float_input(image, value)
    for index, channel in enumerate(order):
        np.testing.assert_array_equal(seen[index], (image[channel] * 0.5 - mean[index]) / 2)


def test_pictures_without_alpha_are_opaque(tmp_path):
    pixels = picture(tmp_path / "a.png", 6, 8)
    value = Preprocessing("RGBA", 0, (6, 8), 1.0, (0.0,) * 4, (1.0,) * 4)
    image = preprocess.load_image(tmp_path / "a.png", value)
    np.testing.assert_array_equal(image[:3], pixels.transpose(2, 0, 1))
    assert (image[3] == 255).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_array_files_hold_the_numbers_themselves(tmp_path, channels):
    rng = np.random.default_rng(channels)
    array = rng.integers(0, 256, (channels, 6, 8), np.uint8)
    color = ("L", "LA", "BGR", "RGBA")[channels - 1]
    value = Preprocessing(color, 0, (6, 8), 1.0, (0.0,) * channels, (1.0,) * channels)
    path = tmp_path / "a.npy"
    forms = [array, array.transpose(1, 2, 0)] + ([array[0]] if channels == 1 else [])
    for form in forms:
        np.save(path, form)
        np.testing.assert_array_equal(preprocess.load_image(path, value), array)
    assert preprocess.list_images(tmp_path) == [path]
    for bad in (array[..., 1:], array.astype(np.float32), array[None]):
        np.save(path, bad)
        with pytest.raises(FirebrickError, match=rf"a\.npy: holds .*uint8 \[{channels}, 6, 8\]"):
            preprocess.load_image(path, value)
    path.write_bytes(b"no array")
    with pytest.raises(FirebrickError, match=r"a\.npy: not a readable array"):
        preprocess.load_image(path, value)
    with pytest.raises(FirebrickError, match=r"none\.npy: no such image"):
        preprocess.load_image(tmp_path / "none.npy", value)


def test_too_small_pictures_are_refused(tmp_path):
    picture(tmp_path / "a.png", 6, 7)
    with pytest.raises(FirebrickError, match=r"a\.png: 7x6 pixels .* fewer than .* 8x6"):
        preprocess.load_image(tmp_path / "a.png", PLAIN)


def test_unreadable_pictures_are_named(tmp_path):
    (tmp_path / "text.png").write_text("this is no picture")
    picture(tmp_path / "whole.png", 60, 80)
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:900])
    for name in ("text.png", "cut.png"):
        with pytest.raises(FirebrickError, match=rf"{name}: not a readable image") as error:
            preprocess.load_image(tmp_path / name, PLAIN)
        assert "\n" not in str(error.value)
    with pytest.raises(FirebrickError, match=r"none\.png: no such image"):
        preprocess.load_image(tmp_path / "none.png", PLAIN)


def test_folders_are_listed_by_name(tmp_path):
    for name in ("b.png", "a.JPG", "notes.txt", "c.jpeg"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in preprocess.list_images(tmp_path)] == ["a.JPG", "b.png", "c.jpeg"]


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(FirebrickError, match="holds no images"):
        preprocess.list_images(tmp_path)
    with pytest.raises(FirebrickError, match="not a folder of images"):
        preprocess.list_images(tmp_path / "none")
    with pytest.raises(FirebrickError, match="no images were given"):
        preprocess.load_images([], PLAIN)


def test_batches_cover_all_images_in_order(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(5)]
    for index, path in enumerate(paths):
        picture(path, 6, 8, seed=index)
    parts = list(preprocess.batches(paths, PLAIN, 2))
    assert [len(part) for part in parts] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(parts), preprocess.load_images(paths, PLAIN))


def test_what_is_not_used_of_a_folder_is_named(tmp_path, capsys):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.png")
    for name in ("b.tga", "c.tga", "d.heic", "e.raw"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "labels.csv").write_text("")
    assert [p.name for p in preprocess.list_images(tmp_path)] == ["a.png"]
    assert capsys.readouterr().err == (
        f"not used in {tmp_path}: 4 other entries (b.tga, c.tga, d.heic, ...)\n"
    )
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(FirebrickError, match=r"lost\.png: a link that leads nowhere"):
        preprocess.list_images(tmp_path)
