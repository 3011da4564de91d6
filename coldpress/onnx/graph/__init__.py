"""Construction of ONNX graphs."""
