"""Coldpress compresses a large transformer encoder into a small, fast, trusted ONNX model."""

import os

# ONNX Runtime (from 1.29 on) sends telemetry and stores a device id unless this is set before it is
# imported; the Hugging Face libraries send details of the machine to the hub. 0 turns it back on.
for _name in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ[_name] = os.environ.get(_name, "").strip() or "1"
