"""Fixtures shared by the tests of quantize/."""

from __future__ import annotations

from pathlib import Path

import pytest

from firebrick.quantize.calibration import quantizer
from firebrick.quantize.importers.net import import_net
from firebrick.quantize.network import Network
from firebrick.quantize.pictures.preprocess import (
    for_network,
    list_images,
    load_images,
    preprocessing,
)
from firebrick.quantize.qnetwork import QNetwork
from tests.quantize import builders


@pytest.fixture(scope="session")
def squeezenet(shared_data: Path) -> Network:
    """SqueezeNet v1.0 with the trained weights."""
    return import_net(shared_data / "squeezenet_v1.0_deep_compression.net")


@pytest.fixture(scope="session")
def quantized_squeezenet(squeezenet: Network, shared_data: Path) -> QNetwork:
    """SqueezeNet v1.0 calibrated on twelve photos."""
    prepared = for_network(preprocessing("caffe-squeezenet"), squeezenet)
    files = list_images(shared_data / "imagenet" / "images")[::17]
    return quantizer.quantize_network(squeezenet, prepared, load_images(files, prepared))


@pytest.fixture(scope="session")
def small_network() -> Network:
    return builders.fire_network(seed=3)


@pytest.fixture(scope="session")
def small_qnet(small_network: Network) -> QNetwork:
    """A small quantized network with every kind of node."""
    return quantizer.quantize_network(small_network, builders.BGR, builders.photos(1, 12))
