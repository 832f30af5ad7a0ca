"""The figure of the boxes: that it is of the published head, and of boxes that are found."""

from firebrick.bench import detection
from firebrick.host.detection import decode


def test_the_figure_is_of_the_published_head(monkeypatch):
    seen = []

    def watched(values, head):
        seen.append((values, decode(values, head)))
        return seen[-1][1]

    monkeypatch.setattr(detection, "decode", watched)
    monkeypatch.setattr(detection, "TRIES", 2)
    found = detection.decoding()
    assert found["anchors"] == 16_848 and 150 < found["sure"] < 400
    assert found["decode_ms"] > 0 and len(seen) == 2
    assert seen[0][0].shape == (72, 24, 78) and len(seen[0][1]) > 10
