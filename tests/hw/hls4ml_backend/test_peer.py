"""The comparison with hls4ml's own backend: what it reports, also of runs that do not end."""

from __future__ import annotations

import io

from rich.console import Console

from firebrick.bench import hls4ml_peer as peer


def test_a_run_of_this_backend():
    run = peer.measure("fire", "Firebrick")
    assert run.error == ""
    assert set(run.seconds) == set(peer.STEPS) and min(run.seconds.values()) > 0
    assert run.peak_bytes > 50e6
    assert run.correlation is not None and run.correlation > 0.99


def test_a_run_that_is_not_finished_in_time():
    run = peer.measure("fire", "Vitis", limit=0.05)
    assert run.error == "not finished after 0 s" and run.seconds == {}


def test_figures_and_table():
    message = "python: nnet.h:102: void nnet::pool(): Assertion `a == b' failed."
    error = f"ended with code -6: {peer._reason(message)}"
    runs = [
        peer.Run("fire", "Vitis", {"convert": 0.1, "compile": 6.0, "predict": 1.7}, 10**8, 1.0, ""),
        peer.Run("v1.0", "Vitis", {"convert": 0.5}, 10**8, None, error),
        peer.Run("v1.0-pool2", "Vitis", {"predict": 52.0}, 0, None, ""),
    ]
    found = peer.figures(runs)
    assert found["hls4ml_predict_seconds"] == 1.7
    assert found["hls4ml_squeezenet_predict_seconds"] == 52.0
    assert len(found["hls4ml_runs"]) == 3
    output = io.StringIO()
    peer.show(runs, Console(file=output, width=80))
    assert "v1.0, Vitis: ended with code -6: python: nnet.h:102: Assertion `a == b' failed." in (
        output.getvalue()
    )
