"""Temperature calibration of an exported file on its own logits.

Guo et al., "On Calibration of Modern Neural Networks", 2017, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.calibration import calibration_error, fit_temperature
from coldpress.kinds import task_kind
from coldpress.kinds.label_targets import label_targets
from coldpress.onnx.inference import raw_logits
from coldpress.onnx.metadata import write_metadata
from coldpress.onnx.predictor import Predictor
from coldpress.schema.finite import check_all_finite


@dataclass(frozen=True)
class TemperatureFit:
    """A temperature and its effect on the rows that it was fitted to.

    Attributes:
        temperature: The predictor divides logits by it.
        before: Expected calibration error of the raw logits.
        after: Expected calibration error of the divided logits.
    """

    temperature: float
    before: float
    after: float

    def metrics(self) -> dict[str, float]:
        """Return the values by metric name, for tracking."""
        return {
            "temperature": self.temperature,
            "validation_calibration_error_before": self.before,
            "validation_calibration_error_after": self.after,
        }


def calibrate_temperature(directory: Path, validation: EncodedSplit) -> TemperatureFit:
    """Fit the temperature of `model.onnx` and write it into the file's metadata.

    Args:
        directory: Written by `export`; the graph does not change.
        validation: Labelled rows that the model was not trained on.

    Returns:
        The temperature, and the calibration error without and with it.
    """
    predictor = Predictor(directory)
    logits = raw_logits(predictor, validation)
    labels = label_targets(task_kind(predictor.kind), validation.targets)
    temperature = fit_temperature(logits, labels)
    check_all_finite({"temperature": temperature})
    write_metadata(directory / "model.onnx", "temperature", str(temperature))
    before, after = (calibration_error(logits / t, labels) for t in (1.0, temperature))
    return TemperatureFit(temperature, before, after)
