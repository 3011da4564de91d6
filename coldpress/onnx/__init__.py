"""From a quantized checkpoint to one ONNX file that is proven to compute the same."""
