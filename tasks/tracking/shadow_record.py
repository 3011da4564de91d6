"""What the run of a comparison between champion and challenger records; free of MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

RUN_NAME = "shadow"
CHALLENGER_TAG = "coldpress.shadow"
DIGEST_TAG = "coldpress.shadow_digest"
CHAMPION_TAG = "coldpress.shadow_of"


@dataclass(frozen=True)
class ShadowRecord:
    """The comparison of two versions on the same requests.

    Attributes:
        model: Registered name, which is also that of the experiment.
        champion: `name/version` of the model whose answers users got.
        champion_digest: sha256 of its files.
        challenger: `name/version` of the other model.
        challenger_digest: sha256 of its files.
        share: Share of the requests that were compared.
        began: Seconds since 1970.
        metrics: Finite numbers; times are in milliseconds.
    """

    model: str
    champion: str
    champion_digest: str
    challenger: str
    challenger_digest: str
    share: float
    began: float
    metrics: Mapping[str, float]

    @property
    def key(self) -> tuple[str, str, float]:
        """Identifies the comparison, whatever its metrics are now."""
        return (self.champion, self.challenger, self.began)

    def tags(self) -> dict[str, str]:
        """Return the tags of the run."""
        return {
            CHALLENGER_TAG: self.challenger,
            DIGEST_TAG: self.challenger_digest,
            CHAMPION_TAG: self.champion,
            "coldpress.shadow_of_digest": self.champion_digest,
            "coldpress.shadow_share": str(self.share),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the fields for another process."""
        return asdict(self)
