"""Reading `/metrics`, and what changed there while something was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

Sample = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Counted:
    """Every sample of one answer."""

    samples: Mapping[Sample, float]

    def of(self, name: str, **labels: str) -> float:
        """One sample; 0 where there is none yet."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def label(self, name: str, label: str) -> set[str]:
        """Every value of a label."""
        return {
            dict(labels)[label] for found, labels in self.samples if found == name and dict(labels)
        }


def counted(answer: httpx.Response) -> Counted:
    """What an answer of `/metrics` tells."""
    assert answer.status_code == 200, answer.text
    return Counted(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
    )
