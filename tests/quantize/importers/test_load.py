"""Network files: what is refused by name."""

import pytest

from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers import load


@pytest.mark.parametrize("name", ["net.pth", "net", "net.npz"])
def test_other_kinds_of_network_files_are_refused(tmp_path, name):
    with pytest.raises(FirebrickError, match=r"not a network file; \.onnx and \.net"):
        load.load_model(tmp_path / name, "torchvision")


@pytest.mark.parametrize("name", ["none.onnx", "none.net"])
def test_missing_network_files_are_named(tmp_path, name):
    with pytest.raises(FirebrickError, match=rf"{name}: no such network file"):
        load.load_model(tmp_path / name, "torchvision")
