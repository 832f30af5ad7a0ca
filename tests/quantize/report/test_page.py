"""The report page: complete, self-contained, and the same figures as its JSON data."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from firebrick.quantize.calibration.fold import fold_input
from firebrick.quantize.calibration.quantizer import quantize_network
from firebrick.quantize.network import Add, Conv, Network
from firebrick.quantize.qnetwork import QNetwork
from firebrick.quantize.report.histogram import activation_histograms, weight_histograms
from firebrick.quantize.report.page import BoardSpeed, Size, chart, collect, render
from tests.quantize import builders


class Page(HTMLParser):
    """Text, opened and closed tags, and every address in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [v or "" for k, v in attributes if k in ("src", "href")]
        if tag not in ("meta", "link", "path", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "rect", "line"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def data(small_network: Network, small_qnet: QNetwork) -> dict:
    weights = {
        node.name: fold_input(small_network, node, small_qnet.preprocessing).weights
        for node in small_network.nodes
        if isinstance(node, Conv)
    }
    images = builders.photos(5, 2)
    return collect(
        small_qnet,
        weights=weight_histograms(weights, small_qnet),
        activations=activation_histograms(small_network, small_qnet, images),
        sizes=[Size("float32", 4_000_000), Size("int8", 1_000_000)],
        boards=[
            BoardSpeed("Board <A>", "14x32", 100.0, 1_234_567, 81.0),
            BoardSpeed("Board B", "7x16", 50.0, None, None, "layer x: too wide"),
        ],
        accuracy={
            "fixed_top1": 64.5,
            "fixed_top5": 87.1,
            "float_top1": 65.2,
            "float_top5": 87.5,
            "images": 136,
        },
    )


def test_data_is_plain_json(data: dict) -> None:
    assert json.loads(json.dumps(data)) == data


def test_page_is_well_formed_and_needs_no_other_file(data: dict) -> None:
    page = Page(render(data))
    assert page.open == []
    assert page.addresses == []


def test_page_names_every_layer_and_board(data: dict, small_qnet: QNetwork) -> None:
    text = Page(render(data)).text
    for layer in data["layers"]:
        assert layer["name"] in text
    for expected in ("1,234,567", "81.0", "Board <A>", "layer x: too wide", "64.5", "4.00 MB"):
        assert expected in text


def test_what_the_steps_did_to_a_layer_is_shown(data: dict) -> None:
    assert "nearest integer" not in Page(render(data)).text
    improved = {"moved": 0.375, "sqnr_db_before": 31.24, "sqnr_db_after": 43.21}
    layers = [{**data["layers"][0], "improved": improved}, *data["layers"][1:]]
    text = Page(render({**data, "layers": layers})).text
    for expected in ("37.5", "31.2", "43.2"):
        assert expected in text


def test_worst_layer_comes_first(data: dict) -> None:
    page = render(data)
    shown = re.findall(r"<h3>(.*?)</h3>", page)
    measured = {la["name"]: la["sqnr_db"] for la in data["layers"] if "sqnr_db" in la}
    values = [measured[name] for name in shown if name in measured]
    assert len(shown) == len(data["layers"])
    assert values == sorted(values)


def test_without_held_out_images_and_labels_the_page_says_so(data: dict) -> None:
    text = Page(render({**data, "held_out": None, "accuracy": None})).text
    assert "no images were held out" in text
    assert "top-1" not in text


def test_outlines_end_where_the_chart_ends() -> None:
    counts = np.zeros(64, int)
    counts[3] = 10
    paths = chart({"before": counts.tolist(), "after": counts[::-1].tolist()})
    # The highest bin reaches the top.
    assert "L15.0 0.0L20.0 0.0" in paths["before"]
    assert "L300.0 0.0L305.0 0.0" in paths["after"]


def test_additions_are_listed() -> None:
    net = builders.bypass_network(2)
    images = builders.photos(3, 4)
    qnet = quantize_network(net, builders.BGR, images)
    weights = {
        node.name: fold_input(net, node, builders.BGR).weights
        for node in net.nodes
        if isinstance(node, Conv)
    }
    data = collect(
        qnet,
        weights=weight_histograms(weights, qnet),
        activations=activation_histograms(net, qnet, images),
        sizes=[],
        boards=[],
    )
    assert len(data["additions"]) == sum(isinstance(node, Add) for node in net.nodes) > 0
    text = Page(render(data)).text
    for entry in data["additions"]:
        assert entry["name"] in text
