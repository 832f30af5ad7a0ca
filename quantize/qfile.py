"""The quantized network as a file: a NumPy .npz archive without pickled objects.

Members: ``metadata`` (UTF-8 JSON as uint8: everything but the arrays), ``<node index>.<field>``
for every array of every node, and ``sha256``, the digest of all the others.  The digest makes a
truncated or altered file an error rather than another network.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from firebrick.quantize.check import check_qnetwork
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.qnetwork import (
    Preprocessing,
    QAdd,
    QConcat,
    QConv,
    QGlobalSum,
    QMaxPool,
    QNetwork,
    QTensor,
)
from firebrick.quantize.support.files import write_atomically

FORMAT = "firebrick-quantized-network"
VERSION = 1
NODE_KINDS = {kind.__name__: kind for kind in (QConv, QMaxPool, QConcat, QAdd, QGlobalSum)}


def save(qnet: QNetwork, path: str | Path) -> None:
    """Write ``qnet``; the file appears complete or not at all.

    Raises FirebrickError when ``qnet`` breaks a rule (see :mod:`quantize.check`), OSError when
    the file cannot be written.
    """
    check_qnetwork(qnet)
    members = _members(qnet)
    members["sha256"] = _digest(members)
    # Arrays are handed over as one mapping whose keys are no Python names.
    write_atomically(path, lambda file: np.savez_compressed(file, allow_pickle=False, **members))


def load(path: str | Path) -> QNetwork:
    """Read what :func:`save` wrote.

    Raises FirebrickError in one line naming the file when it does not exist, is truncated or
    altered, or is of another kind or version.
    """
    path = Path(path)
    if not path.is_file():
        raise FirebrickError(f"{path}: no such quantized network; quantize the network first")
    if not zipfile.is_zipfile(path):
        raise _damaged(path, "it is not a complete .npz archive")
    try:
        with np.load(path, allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, "it is not a complete .npz archive") from error
    except (
        NotImplementedError,
        RuntimeError,
        MemoryError,
        SyntaxError,
        tokenize.TokenError,
    ) as error:
        # NumPy reads an array's header as Python text.
        raise _damaged(path, "it is not a readable .npz archive") from error
    if "metadata" not in members or "sha256" not in members:
        raise FirebrickError(f"{path}: not a quantized network; give one that quantize wrote")
    stored = members.pop("sha256")
    if not np.array_equal(stored, _digest(members)):
        raise _damaged(path, "its checksum (SHA-256) does not match its content")
    metadata = json.loads(members.pop("metadata").tobytes())
    if (metadata.get("format"), metadata.get("version")) != (FORMAT, VERSION):
        raise FirebrickError(
            f"{path}: format {metadata.get('format')} version {metadata.get('version')}; this "
            f"program reads {FORMAT} version {VERSION}; quantize the network again"
        )
    try:
        qnet = _build(metadata, members)
        check_qnetwork(qnet)
    except FirebrickError as error:
        raise FirebrickError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise FirebrickError(f"{path}: a field is missing or wrong ({error})") from error
    return qnet


def fingerprint(qnet: QNetwork) -> str:
    """SHA-256 (hexadecimal) of everything that :func:`save` stores."""
    return _digest(_members(qnet)).tobytes().hex()


def _damaged(path: Path, why: str) -> FirebrickError:
    return FirebrickError(f"{path}: truncated or altered: {why}; quantize the network again")


def _members(qnet: QNetwork) -> dict[str, Any]:
    arrays: dict[str, np.ndarray] = {}
    nodes = []
    for index, node in enumerate(qnet.nodes):
        plain: dict[str, Any] = {"kind": type(node).__name__}
        for field in dataclasses.fields(node):
            value = getattr(node, field.name)
            if isinstance(value, np.ndarray):
                arrays[f"{index}.{field.name}"] = value
            else:
                plain[field.name] = value
        nodes.append(plain)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "name": qnet.name,
        "input": qnet.input,
        "tensors": [dataclasses.asdict(tensor) for tensor in qnet.tensors.values()],
        "nodes": nodes,
        "preprocessing": dataclasses.asdict(qnet.preprocessing),
        "classes": qnet.classes,
        "report": qnet.report,
        "maps": qnet.maps,
        **({"anchors": qnet.anchors} if qnet.anchors else {}),
    }
    text = json.dumps(metadata, sort_keys=True, allow_nan=False)
    return {"metadata": np.frombuffer(text.encode(), np.uint8), **arrays}


def _digest(members: dict[str, np.ndarray]) -> np.ndarray:
    digest = hashlib.sha256()
    for name in sorted(members):
        array = members[name]
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def _build(metadata: dict[str, Any], arrays: dict[str, np.ndarray]) -> QNetwork:
    nodes = []
    for index, plain in enumerate(metadata["nodes"]):
        fields = {name: _tuples(value) for name, value in plain.items() if name != "kind"}
        prefix = f"{index}."
        fields |= {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        nodes.append(NODE_KINDS[plain["kind"]](**fields))
    tensors = [
        QTensor(**{name: _tuples(value) for name, value in tensor.items()})
        for tensor in metadata["tensors"]
    ]
    return QNetwork(
        name=metadata["name"],
        input=metadata["input"],
        tensors={tensor.name: tensor for tensor in tensors},
        nodes=tuple(nodes),
        preprocessing=Preprocessing(
            **{name: _tuples(value) for name, value in metadata["preprocessing"].items()}
        ),
        classes=tuple(metadata["classes"]),
        report=metadata["report"],
        maps=tuple(metadata.get("maps", ())),
        anchors=tuple((float(w), float(h)) for w, h in metadata.get("anchors", ())),
    )


def _tuples(value: Any) -> Any:
    """JSON lists as the tuples that they were."""
    return tuple(value) if isinstance(value, list) else value
