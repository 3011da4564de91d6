"""Export of checkpoints to ONNX, proof of parity, and serving of the exported file."""
