"""What all workers of a server have counted together, whichever of them is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from fubble_gql.config import metrics_folder

_LIVE_GAUGES = re.compile(r"gauge_livesum_(\d+)\.db")


def registry() -> CollectorRegistry:
    """This process's own, or one that reads the files of all workers."""
    folder = metrics_folder()
    if folder is None:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together, str(folder))  # type: ignore[no-untyped-call]
    together.register(_Processes(folder))
    return together


class _Processes(Collector):
    """Memory, processor time and files of each worker that lives, told apart by `pid`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for pid in self._pids():
            for one in ProcessCollector(pid=partial(str, pid), registry=None).collect():
                family = families.setdefault(
                    one.name, Metric(one.name, one.documentation, one.type)
                )
                for sample in one.samples:
                    family.add_sample(sample.name, {"pid": pid}, sample.value)
        yield from families.values()

    def _pids(self) -> Iterator[str]:
        """Each worker has a file of gauges from its start on; its parent removes those of the dead."""
        for path in sorted(self._folder.iterdir()):
            if found := _LIVE_GAUGES.fullmatch(path.name):
                yield found[1]
