"""The quantized network's file: what goes in comes out, or one clear line."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebrick.quantize import qfile
from firebrick.quantize.errors import FirebrickError


@pytest.fixture(scope="module")
def saved(tmp_path_factory, small_qnet):
    path = tmp_path_factory.mktemp("qfile") / "net.npz"
    named = dataclasses.replace(small_qnet, classes=("a", "b", "c", "d", "é"))
    qfile.save(named, path)
    return path, named


def assert_same(one, two):
    assert type(one) is type(two)
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(two, field.name)
        if field.name == "nodes":
            assert len(left) == len(right)
            for pair in zip(left, right, strict=True):
                assert_same(*pair)
        elif isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right, field.name


def test_round_trip(saved):
    path, qnet = saved
    assert_same(qfile.load(path), qnet)


def test_the_fingerprint_follows_the_content(saved):
    path, qnet = saved
    assert qfile.fingerprint(qfile.load(path)) == qfile.fingerprint(qnet)
    bias = qnet.nodes[0].bias.copy()
    bias[0] += 1
    other = dataclasses.replace(
        qnet, nodes=(dataclasses.replace(qnet.nodes[0], bias=bias), *qnet.nodes[1:])
    )
    assert qfile.fingerprint(other) != qfile.fingerprint(qnet)


def test_it_is_an_ordinary_npz_without_pickles(saved):
    path, qnet = saved
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["0.weights"], qnet.nodes[0].weights)
        assert json.loads(archive["metadata"].tobytes())["name"] == "small"


@given(st.data())
def test_truncation_is_refused(saved, tmp_path_factory, data):
    content = saved[0].read_bytes()
    path = tmp_path_factory.mktemp("cut") / "cut.npz"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FirebrickError, match=r"cut\.npz: .*(altered|not a quantized)") as error:
        qfile.load(path)
    assert "\n" not in str(error.value)


@given(st.data())
def test_an_altered_byte_never_gives_another_network(saved, tmp_path_factory, data):
    """Some bytes of a zip archive mean nothing (time stamps); all others must be noticed."""
    original, qnet = saved
    content = bytearray(original.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("flip") / "flip.npz"
    path.write_bytes(content)
    try:
        loaded = qfile.load(path)
    except FirebrickError as error:
        assert "flip.npz" in str(error)
    else:
        assert_same(loaded, qnet)


def rewrite(source, target, **changes):
    """The archive with some members changed and the old checksum, or the right one for None."""
    with np.load(source) as archive:
        members = {name: archive[name] for name in archive.files}
    members |= changes
    np.savez(target, **members)


def test_a_changed_array_does_not_match_the_checksum(saved, tmp_path):
    weights = saved[1].nodes[0].weights.copy()
    weights[0, 0, 0, 0] ^= 1
    rewrite(saved[0], tmp_path / "new.npz", **{"0.weights": weights})
    with pytest.raises(FirebrickError, match=r"new\.npz: .*SHA-256.*quantize the network again"):
        qfile.load(tmp_path / "new.npz")


def forged(saved, target, change):
    """A file with changed metadata and a checksum that fits."""
    with np.load(saved[0]) as archive:
        members = {name: archive[name] for name in archive.files if name != "sha256"}
    metadata = json.loads(members["metadata"].tobytes())
    change(metadata)
    members["metadata"] = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    members["sha256"] = qfile._digest(members)
    np.savez(target, **members)
    return target


def test_another_version_is_refused(saved, tmp_path):
    path = forged(saved, tmp_path / "v9.npz", lambda metadata: metadata.update(version=9))
    with pytest.raises(FirebrickError, match=r"v9\.npz: .*version 9; this program reads .* 1"):
        qfile.load(path)


def test_rules_are_checked_even_when_the_checksum_fits(saved, tmp_path):
    def change(metadata):
        metadata["nodes"][0]["stride"] = 3

    with pytest.raises(FirebrickError, match=r"bad\.npz: layer first: its output must be"):
        qfile.load(forged(saved, tmp_path / "bad.npz", change))


def test_missing_fields_are_refused(saved, tmp_path):
    def change(metadata):
        del metadata["nodes"][0]["stride"]

    with pytest.raises(FirebrickError, match=r"bad\.npz: a field is missing or wrong .*stride"):
        qfile.load(forged(saved, tmp_path / "bad.npz", change))


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "pickle.npz"
    np.savez(path, metadata=np.array([{"a": 1}], object), sha256=np.zeros(32, np.uint8))
    with pytest.raises(FirebrickError, match=r"pickle\.npz"):
        qfile.load(path)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x93NUMPY\x01\x00v\x00"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(FirebrickError, match=r"other\.npz"):
        qfile.load(path)


def test_a_bare_array_is_refused(tmp_path):
    path = tmp_path / "array.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(FirebrickError, match=r"array\.npz"):
        qfile.load(path)


def test_another_archive_is_refused(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros(3))
    with pytest.raises(FirebrickError, match=r"data\.npz: not a quantized network"):
        qfile.load(tmp_path / "data.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FirebrickError, match=r"none\.npz: no such quantized network"):
        qfile.load(tmp_path / "none.npz")


def test_a_network_that_breaks_a_rule_is_not_written(tmp_path, small_qnet):
    first = small_qnet.nodes[0]
    weights = first.weights.copy()
    weights[0, 0, 0, 0] = -128
    broken = dataclasses.replace(
        small_qnet, nodes=(dataclasses.replace(first, weights=weights), *small_qnet.nodes[1:])
    )
    with pytest.raises(FirebrickError, match=r"layer first: a weight is -128"):
        qfile.save(broken, tmp_path / "net.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        qfile.write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
