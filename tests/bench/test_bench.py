"""What the benchmarks rest on: the peers' figures, and the CPU's float network."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from firebrick.bench import __main__ as bench
from firebrick.bench.cpu import float_model
from firebrick.models import digits
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.golden.float_model import FloatModel
from firebrick.quantize.importers.load import load_network


def test_every_peer_states_its_clock_network_and_source() -> None:
    entries = bench.peers()
    assert len(entries) >= 8
    for entry in entries:
        assert all(str(entry[name]).strip() for name in bench.PEER_FIELDS), entry
    assert len({entry["system"] for entry in entries}) == len(entries)


def test_an_incomplete_peer_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "peers.toml"
    path.write_text('[[peer]]\nsystem = "X"\nchip = "Y"\n')
    monkeypatch.setattr(bench, "PEERS", path)
    with pytest.raises(FirebrickError, match=r"peers.toml, X: no clock_mhz"):
        bench.peers()


def test_the_float_network_on_the_cpu_is_the_network() -> None:
    net = load_network(digits.MODEL_PATH)
    images = np.random.default_rng(1).random((3, *net.shapes[net.input]), np.float32)
    session = onnxruntime.InferenceSession(
        float_model(net).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(None, {net.input: images})
    expected = FloatModel(net).logits(images)
    np.testing.assert_allclose(logits.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
