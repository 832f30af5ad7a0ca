"""Networks and numbers: import, calibration, fixed point, golden model, ONNX export."""
