"""Construction of the ONNX graph."""
