"""Coldpress presses a large transformer encoder into a small, fast, trusted ONNX model."""
