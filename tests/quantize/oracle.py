"""onnxruntime as the oracle: sessions that compute a file as it is written, and comparisons."""

from pathlib import Path

import numpy as np
import onnxruntime

from firebrick.quantize import golden
from firebrick.quantize.exporters import qdq as qdq_export


def session(model: bytes | Path) -> onnxruntime.InferenceSession:
    """Optimizations off: fused 8-bit kernels saturate their sums on some processors."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def compare(qnet, images) -> int:
    """Number of values compared; every 8-bit tensor must be equal, logits to float32 rounding."""
    runner = session(qdq_export.to_model(qnet, outputs="all").SerializeToString())
    names = [output.name for output in runner.get_outputs()]
    values = 0
    for image in images:
        found = dict(zip(names, runner.run(None, {qnet.input: image[None]}), strict=True))
        expected = golden.run(qnet, image[None], keep="all")
        if qnet.maps:
            reals = [found.pop(qdq_export.real_name(name)).reshape(1, -1) for name in qnet.maps]
            np.testing.assert_array_equal(np.concatenate(reals, axis=1), expected.logits)
        else:
            logits = found.pop(qnet.nodes[-1].output)
            np.testing.assert_allclose(logits, expected.logits, rtol=1e-5, atol=1e-5)
        assert found.keys() == expected.tensors.keys()
        for name, tensor in expected.tensors.items():
            assert found[name].dtype == tensor.dtype
            np.testing.assert_array_equal(found[name], tensor, err_msg=name)
            values += tensor.size
    return values
