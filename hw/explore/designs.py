"""The networks of a sweep: the paper's hyper-parameters, one study at a time.

Iandola et al. (arXiv 1602.07360), sections 3, 5 and 6.  What the paper's text says about accuracy
on ImageNet stands here too, in its own words' precision: from where it says that accuracy is on a
plateau, up to the end of what it varies, the plateau's; the network that figures 3a and 3b share
has in both what is said of it in one.  Nothing else is known of these networks without training
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from firebrick.quantize.architectures import SqueezeNetConfig, squeezenet_v1_0, squeezenet_v1_1

SQUEEZE_RATIOS = (
    *(0.0625, 0.09375, 0.125, 0.15625, 0.1875, 0.21875, 0.25, 0.28125, 0.3125, 0.34375, 0.375),
    *(0.4375, 0.5, 0.5625, 0.625, 0.6875, 0.75, 0.8125, 0.875, 0.9375, 1.0),
)
SHARES_3X3 = (0.01, 0.05, 0.1, 0.15, *(i / 16 for i in range(3, 16)), 0.97, 0.99)
PAPER_RATIO_OF_3B = 0.5
# Layers that a pooling follows, from the earliest to the latest.
POOLINGS = {
    "fire2, fire3, fire4": ("fire2", "fire3", "fire4"),
    "conv1, fire2, fire3": ("conv1", "fire2", "fire3"),
    "conv1, fire2, fire4": ("conv1", "fire2", "fire4"),
    "conv1, fire3, fire5 (v1.1)": ("conv1", "fire3", "fire5"),
    "conv1, fire3, fire6": ("conv1", "fire3", "fire6"),
    "conv1, fire4, fire6": ("conv1", "fire4", "fire6"),
    "conv1, fire4, fire8 (v1.0)": ("conv1", "fire4", "fire8"),
    "conv1, fire5, fire9": ("conv1", "fire5", "fire9"),
    "conv1, fire7, fire9": ("conv1", "fire7", "fire9"),
    "fire2, fire5, fire9": ("fire2", "fire5", "fire9"),
}
WIDTHS = (32, 64, 96, 128, 192, 256)
INCREMENTS = (0, 32, 64, 128)
FREQUENCIES = (1, 2, 4)
INPUT_SIZES = (96, 128, 160, 192, 224, 227, 256, 320)
CLASSES = (10, 100, 1000)


@dataclass(frozen=True)
class Design:
    """A network of a study; ``value`` is where it stands in that, and ``top5`` what the paper
    says of it, in percent, or None."""

    study: str
    value: str | float
    config: SqueezeNetConfig
    top5: float | None = None


def designs() -> list[Design]:
    """All studies."""
    return [*_squeeze(), *_share(), *_pooling(), *_bypass(), *_width(), *_size()]


def _squeeze() -> Iterator[Design]:
    """Figure 3a: the squeeze ratio, half of the expand filters 3x3."""
    told = {0.125: 80.3, 0.5: 85.6, 0.75: 86.0, 1.0: 86.0}
    for ratio in SQUEEZE_RATIOS:
        config = replace(squeezenet_v1_0(), name=f"SR {ratio:g}", squeeze_ratio=ratio)
        yield Design("squeeze ratio", ratio, config, told.get(ratio))
        late = replace(squeezenet_v1_1(), name=f"v1.1, SR {ratio:g}", squeeze_ratio=ratio)
        yield Design("squeeze ratio, v1.1", ratio, late)


def _share() -> Iterator[Design]:
    """Figure 3b: the share of 3x3 filters, at a squeeze ratio of one half."""
    told = {0.5: 85.6, 0.99: 85.6}
    for share in SHARES_3X3:
        config = replace(
            squeezenet_v1_0(),
            name=f"{share:.0%} 3x3",
            squeeze_ratio=PAPER_RATIO_OF_3B,
            pct_3x3=share,
        )
        yield Design("share of 3x3 filters", share, config, told.get(share))


def _pooling() -> Iterator[Design]:
    """Strategy 3: where to downsample."""
    for name, layers in POOLINGS.items():
        config = replace(squeezenet_v1_0(), name=f"pooling after {name}", pool_after=layers)
        yield Design("downsampling", name, config)


def _bypass() -> Iterator[Design]:
    """Table 3: bypass, and at other squeeze ratios."""
    told = {
        ("none", 0.125): 80.3,
        ("simple", 0.125): 82.5,
        ("complex", 0.125): 82.0,
        ("none", 0.5): 85.6,
    }
    for bypass in ("none", "simple", "complex"):
        for ratio in (0.125, 0.25, 0.5):
            name = f"{'no' if bypass == 'none' else bypass} bypass, SR {ratio:g}"
            config = replace(squeezenet_v1_0(), name=name, bypass=bypass, squeeze_ratio=ratio)
            yield Design("bypass", name, config, told.get((bypass, ratio)))


def _width() -> Iterator[Design]:
    """Section 3: expand filters of the first module, their increment, and how often it comes."""
    for base in WIDTHS:
        for increment in INCREMENTS:
            for freq in FREQUENCIES:
                if (freq == 1 and increment > 64) or (increment == 0 and freq != 2):
                    continue
                name = f"{base} + {increment} every {freq}"
                config = replace(
                    squeezenet_v1_0(),
                    name=name,
                    base_expand=base,
                    incr_expand=increment,
                    freq=freq,
                )
                yield Design("expand filters", name, config)


def _size() -> Iterator[Design]:
    """Rows and columns of the picture, and classes, for v1.0 and v1.1."""
    for make, label in ((squeezenet_v1_0, "v1.0"), (squeezenet_v1_1, "v1.1")):
        for size in INPUT_SIZES:
            for classes in CLASSES:
                name = f"{label}, {size}x{size}, {classes} classes"
                config = replace(make(), name=name, input_size=(size, size), classes=classes)
                yield Design("picture and classes", name, config)
