"""A network's file made ready to quantize: :func:`read_model`.

Float networks are quantized on calibration images.  A file that is quantized already, to powers of
two, is taken over instead and needs none; what was done and why is said in words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from firebrick.quantize.calibration.measure import measure
from firebrick.quantize.calibration.quantizer import MEASURED_IMAGES, Quantized, Steps, quantize
from firebrick.quantize.calibration.reference import Reference, float_reference
from firebrick.quantize.check import check_anchors
from firebrick.quantize.errors import FirebrickError
from firebrick.quantize.importers.load import ANCHORS_KEY, CLASSES_KEY, load_model, prepare
from firebrick.quantize.network import Network
from firebrick.quantize.qnetwork import Preprocessing, QNetwork, detector_classes

if TYPE_CHECKING:
    from firebrick.quantize.calibration.against_file import FileModel
    from firebrick.quantize.importers.onnx.model import ImportedModel

# Lines of a list that are shown; the report has them all.
SHOWN = 6


@dataclass(frozen=True, eq=False)
class Model:
    """A float network with its preprocessing; ``taken`` is the quantized network that the file
    itself holds, if it does, and ``story`` says in lines what was made of its quantizers.
    ``imported`` is an ONNX file's graph: agreement is measured against the file itself.
    ``anchors`` are those that a file of ours states for a detector."""

    network: Network
    preprocessing: Preprocessing
    taken: QNetwork | None
    story: tuple[str, ...]
    classes: tuple[str, ...] = ()
    imported: ImportedModel | None = None
    anchors: tuple[tuple[float, float], ...] = ()

    def quantize(
        self,
        calibration: np.ndarray | None,
        *,
        held_out: np.ndarray | None = None,
        classes: tuple[str, ...] = (),
        effort: str | Steps = "full",
    ) -> QNetwork:
        """As :meth:`quantized`, without the float network."""
        return self.quantized(calibration, held_out=held_out, classes=classes, effort=effort).qnet

    def quantized(
        self,
        calibration: np.ndarray | None,
        *,
        held_out: np.ndarray | None = None,
        classes: tuple[str, ...] = (),
        effort: str | Steps = "full",
    ) -> Quantized:
        """The quantized network, and the float network that it stands for.

        ``calibration`` uint8 [N, C, H, W] and ``held_out`` as for
        :func:`quantize.calibration.quantizer.quantize`, and ``effort`` too; where the file's own
        numbers are taken over the images only measure.  Raises FirebrickError where calibration is
        needed and there is none.
        """
        names = classes or self.classes
        if self.taken is None:
            if calibration is None:
                raise FirebrickError(
                    "CALIBRATION is missing: a folder of images like those that the network was "
                    "trained on"
                )
            done = quantize(
                self.network,
                self.preprocessing,
                calibration,
                held_out=held_out,
                classes=names,
                effort=effort,
            )
            return replace(done, qnet=self._measured(done.qnet, calibration, held_out))
        report = dict(self.taken.report)
        images = None if calibration is None else calibration[:MEASURED_IMAGES]
        if images is not None and len(images):
            found = measure(self.network, self.taken, images, held_out)
            for part in ("layers", "additions"):
                report[part] = [
                    {**entry, **found["tensors"].get(entry["output"], {})} for entry in report[part]
                ]
            for name in ("measured_images", "logit_sqnr_db", "held_out"):
                report[name] = found[name]
        qnet = replace(self.taken, classes=names, report=json.loads(json.dumps(report)))
        return Quantized(self._measured(qnet, calibration, held_out), self.network)

    @cached_property
    def _file(self) -> FileModel | FirebrickError:
        """The ONNX file as onnxruntime runs it, or why it does not."""
        from firebrick.quantize.calibration.against_file import open_file

        assert self.imported is not None
        try:
            return open_file(self.imported)
        except FirebrickError as error:
            return error

    def reference(self) -> Reference:
        """What the user's file computes: an ONNX file run by onnxruntime, else (and where
        onnxruntime refuses the file, which the name says) the float network as it was read."""
        as_read = float_reference(self.network, self.preprocessing)
        if self.imported is None:
            return as_read
        file = self._file
        if isinstance(file, FirebrickError):
            return replace(as_read, name=f"{as_read.name} as it was read ({file})")
        return Reference(
            file.name,
            lambda images: np.stack([file.run(self.preprocessing, image)[0] for image in images]),
            file.logits,
        )

    def _measured(
        self, qnet: QNetwork, images: np.ndarray | None, held_out: np.ndarray | None
    ) -> QNetwork:
        """``qnet`` with figures measured against the file itself, where onnxruntime runs it."""
        if self.imported is None or images is None or not len(images):
            return qnet
        from firebrick.quantize.calibration.against_file import compare_with_file

        report = dict(qnet.report)
        file = self._file
        if isinstance(file, FirebrickError):
            report["against_file"] = {"refused": str(file)}
            return replace(qnet, report=report)
        found = compare_with_file(file, qnet, images[:MEASURED_IMAGES])
        report["logit_sqnr_db"] = found["logit_sqnr_db"]
        if held_out is not None:
            found = compare_with_file(file, qnet, held_out)
            report["held_out"] = {
                name: found[name] for name in ("images", "agreement", "logit_sqnr_db")
            }
        if self.taken is not None:
            # The float network knows nothing of the file's grids: only the file tells.
            for part in ("layers", "additions"):
                report[part] = [
                    {**entry, "sqnr_db": found["layers"].get(entry["output"])}
                    if entry["output"] in found["layers"]
                    else entry
                    for entry in report[part]
                ]
        report["against_file"] = found
        return replace(qnet, report=json.loads(json.dumps(report)))


def read_model(path: str | Path, preset: str | None = None, **values: Any) -> Model:
    """The network of an .onnx or .net file; ``preset`` and ``values`` as for
    :func:`quantize.importers.load.load_model`.  Raises FirebrickError naming the file."""
    path = Path(path)
    if path.suffix != ".onnx" or not path.is_file():
        return Model(*load_model(path, preset, **values), None, ())
    # Imported here: the onnx package takes longer to load than everything else together.
    from firebrick.quantize.calibration.input_grid import check_input_range
    from firebrick.quantize.calibration.take_over import take_over
    from firebrick.quantize.importers.onnx.model import import_model

    model = import_model(path)
    preprocessing = prepare(model, preset, **values)
    anchors = _anchors(model.metadata, model.network)
    classes = _classes(model.metadata, model.network, len(anchors))
    if not model.quantizers:
        return Model(model.network, preprocessing, None, (), classes, model, anchors)
    clipped = check_input_range(model, preprocessing)
    taken = take_over(model, preprocessing)
    if taken.qnet is None:
        story = (
            f"{path.name} is quantized, but not as the hardware is: its weights are taken as float "
            "numbers, and quantized anew on calibration images, within the file's ranges, because "
            "of",
            *_some(taken.reasons),
            *clipped,
        )
        return Model(model.network, preprocessing, None, story, classes, model, anchors)
    layers = len(taken.qnet.report["layers"])
    story = (
        f"{path.name} is quantized: the scales of all its {len(taken.qnet.tensors) - 1} tensors "
        f"and the numbers of {layers - len(taken.rounded)} of {layers} layers are taken over as "
        "they are; no calibration",
    )
    if taken.rounded:
        story = (*story, "rounded anew:", *_some(taken.rounded))
    story = (*story, *_some(taken.notes), *clipped)
    return Model(model.network, preprocessing, taken.qnet, story, classes, model, anchors)


def _some(lines: tuple[str, ...]) -> tuple[str, ...]:
    shown = [f"  {line}" for line in lines[:SHOWN]]
    if len(lines) > SHOWN:
        shown.append(f"  and {len(lines) - SHOWN} more")
    return tuple(shown)


def _anchors(metadata: dict[str, str], net: Network) -> tuple[tuple[float, float], ...]:
    """Anchors that our own export wrote; none where they do not fit."""
    try:
        stated = json.loads(metadata.get(ANCHORS_KEY, "[]"))
        anchors = tuple((float(width), float(height)) for width, height in stated)
        check_anchors(net.name, anchors, [net.shapes[name] for name in net.maps])
    except (ValueError, TypeError, FirebrickError):
        return ()
    return anchors


def _classes(metadata: dict[str, str], net: Network, anchors: int) -> tuple[str, ...]:
    """Class names that our own export wrote; none where they do not fit."""
    try:
        names = json.loads(metadata.get(CLASSES_KEY, "[]"))
    except json.JSONDecodeError:
        return ()
    count = net.shapes[net.nodes[-1].output][0]
    if net.maps:
        count = detector_classes(sum(net.shapes[name][0] for name in net.maps), anchors)
    fits = isinstance(names, list) and len(names) == count
    return tuple(map(str, names)) if fits else ()
