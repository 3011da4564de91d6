"""The models that are compared, with the settings that each library's documentation recommends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

OWN = "coldpress"
"""Name of the environment that runs the driver itself."""
COLDPRESS = "Coldpress"
TEACHER = "torch eager"
"""Name of the model that others are compared with: the teacher as transformers runs it."""


@dataclass(frozen=True)
class Peer:
    """A model to compare.

    Attributes:
        name: Unique.
        environment: `requirements-<environment>.txt`, or `coldpress`.
        module: Of `peers.workers`.
        variant: Argument of the module's functions.
        settings: One phrase.
        prebuilt: The model exists before the comparison.
        seconds: Of building a model that exists; None if not known.
    """

    name: str
    environment: str
    module: str
    variant: str
    settings: str
    prebuilt: bool = False
    seconds: float | None = None

    @property
    def folder_name(self) -> str:
        """Name of the folder of its files."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.lower())


def coldpress_peer(name: str, folder: Path, seconds: float | None) -> Peer:
    """Describe a pulled model.

    Args:
        name: Of the model, such as `fast`.
        folder: Written by `coldpress pull`.
        seconds: Of the stages that made it from the teacher; None if not known.
    """
    return Peer(
        name=f"{COLDPRESS} {name}",
        environment=OWN,
        module="coldpress_model",
        variant=str(folder.resolve()),
        settings=f"folder of `coldpress pull`: {_shape(folder)}; read by its own `predictor.py`",
        prebuilt=True,
        seconds=seconds,
    )


def _shape(folder: Path) -> str:
    """Name the sizes of a pulled model, since presets may be overridden."""
    config = json.loads((folder / "config.json").read_text())
    width = f"{config['hidden_size']} wide"
    if "filters" in config:
        return f"{config['filters']} filters of {config['window']} tokens, {width}"
    layers = config.get("num_hidden_layers", 0)  # a static student has none
    return f"{layers} layers, {width}"


OWN_PEERS = (
    Peer(TEACHER, OWN, "torch_models", "eager", "the teacher as transformers loads it, float32"),
    Peer("torch.compile", OWN, "torch_models", "compile", "the same with `dynamic=True`"),
    Peer(
        "TF-IDF words",
        OWN,
        "tfidf",
        "words",
        "words and pairs of words, sublinear; logistic regression, C of 1 and 10 by validation",
    ),
    Peer(
        "TF-IDF words and characters",
        OWN,
        "tfidf",
        "characters",
        "the same, and 2 to 5 characters within words",
    ),
)
INSTALLED_PEERS = (
    Peer(
        "Optimum float32",
        "optimum",
        "onnx_models",
        "optimum-fp32",
        "`ORTModelForSequenceClassification` with `export=True`",
    ),
    Peer(
        "Optimum optimized",
        "optimum",
        "onnx_models",
        "optimum-optimized",
        "the same, `ORTOptimizer` with `AutoOptimizationConfig.O3()`",
    ),
    Peer(
        "Optimum int8",
        "optimum",
        "onnx_models",
        "optimum-int8",
        "the same, `ORTQuantizer`, `avx512_vnni(is_static=False, per_channel=False)`",
    ),
    Peer(
        "Olive int8",
        "optimum",
        "onnx_models",
        "olive-int8",
        "`OnnxConversion`, `OrtTransformersOptimization`, `OnnxDynamicQuantization`",
    ),
    Peer(
        "OpenVINO",
        "openvino",
        "openvino_models",
        "fp32",
        "`convert_model`, hint `LATENCY`, the precision that the processor plugin chooses",
    ),
    Peer(
        "OpenVINO and NNCF int8",
        "openvino",
        "openvino_models",
        "int8",
        "`nncf.quantize` for transformers, 300 training texts",
    ),
    Peer(
        "model2vec, logistic regression",
        "model2vec",
        "static_models",
        "logistic",
        "`distill` of the pretrained model with the defaults; logistic regression",
    ),
    Peer(
        "model2vec, trained",
        "model2vec",
        "static_models",
        "trained",
        "the same vectors, `StaticModelForClassification.fit` with the defaults",
    ),
    Peer(
        "model2vec of the teacher, trained",
        "model2vec",
        "static_models",
        "trained-teacher",
        "`distill` of the teacher's encoder, then as above",
    ),
    Peer(
        "fastText",
        "fasttext",
        "fasttext_model",
        "tutorial",
        "settings of the tutorial: rate 1.0, 25 epochs, pairs of words, 200,000 buckets of 50",
    ),
    Peer(
        "fastText, autotune",
        "fasttext",
        "fasttext_model",
        "autotune",
        "`autotuneValidationFile`, 30 s, one thread",
    ),
    Peer(
        "fastText, quantized",
        "fasttext",
        "fasttext_model",
        "quantized",
        "the tutorial's, `quantize` with retraining, cutoff 100,000",
    ),
    Peer(
        "SetFit",
        "setfit",
        "setfit_model",
        "default",
        "defaults, from the pretrained model; pairs of all training rows, 200 steps of 16",
    ),
)
