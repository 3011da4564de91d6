"""Temperature calibration of an exported file on its own logits.

Guo et al., "On Calibration of Modern Neural Networks", 2017, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.calibration import calibration_error, fit_temperature
from coldpress.kinds import task_kind
from coldpress.kinds.label_targets import label_targets
from coldpress.onnx.inference import raw_logits
from coldpress.onnx.metadata import set_property
from coldpress.onnx.output_scale import divide_logits
from coldpress.onnx.predictor import Predictor
from coldpress.schema.finite import check_all_finite


@dataclass(frozen=True)
class TemperatureFit:
    """A temperature and its effect on the rows that it was fitted to.

    Attributes:
        temperature: Divisor of the logits.
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
    """Fit the temperature of `model.onnx` and divide the weights of its last layer by it.

    The metadata has it as `fitted_temperature`. If the last layer has no constants that the logits
    are proportional to, the graph stays as it is and the predictor divides by `temperature`.

    Args:
        directory: Written by `export`, not calibrated before.
        validation: Labelled rows that the model was not trained on.

    Returns:
        The temperature, and the calibration error without and with it.
    """
    predictor = Predictor(directory)
    logits = raw_logits(predictor, validation)
    labels = label_targets(task_kind(predictor.kind), validation.targets)
    temperature = fit_temperature(logits, labels)
    check_all_finite({"temperature": temperature})
    _apply(directory / "model.onnx", temperature)
    before, after = (calibration_error(logits / t, labels) for t in (1.0, temperature))
    return TemperatureFit(temperature, before, after)


def _apply(path: Path, temperature: float) -> None:
    model = onnx.load(path)
    divided = divide_logits(model, temperature)
    set_property(model, "fitted_temperature" if divided else "temperature", str(temperature))
    path.write_bytes(model.SerializeToString(deterministic=True))
