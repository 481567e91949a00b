"""Clients that send batches of usage until each is answered, whatever happens to the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

from tests.cli.running import PATIENCE_SECONDS

BATCH = 40
CLIENTS = 4
RECORD = """
mutation ($events: [UsageEventInput!]!) {
  recordUsage(events: $events) {
    receipts { idempotencyKey status error { message } } errors { code }
  }
}
"""


@dataclass
class Sender:
    """One client; `where` is the server's address, which changes when it is started again."""

    name: str
    key: str
    where: Callable[[], str]
    has_enough: threading.Event
    statuses: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Send batch after batch until there are enough; the last one too is sent to its end."""
        try:
            with httpx.Client(timeout=PATIENCE_SECONDS) as http:
                for number in count():
                    if self.has_enough.is_set():
                        return
                    self._send(http, number)
        except Exception as failure:  # noqa: BLE001 - told by the test, in its own thread
            self.failures.append(repr(failure))

    def _send(self, http: httpx.Client, number: int) -> None:
        body = {"query": RECORD, "variables": {"events": batch(self.name, number)}}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            receipts = self._receipts(http, body)
            if receipts is not None:
                self.statuses |= {one["idempotencyKey"]: one["status"] for one in receipts}
                return
            time.sleep(0.02)
        raise AssertionError(f"{self.name} got no answer.")

    def _receipts(self, http: httpx.Client, body: object) -> list[Any] | None:
        """What became of the events; None where the call is to be sent again."""
        headers = {"Authorization": f"Bearer {self.key}"}
        try:
            answer = http.post(self.where(), json=body, headers=headers).json()
        except httpx.TransportError:
            return None
        errors = [one["extensions"]["code"] for one in answer.get("errors", [])]
        payload = (answer.get("data") or {}).get("recordUsage") or {"errors": []}
        codes = errors + [one["code"] for one in payload["errors"]]
        assert set(codes) <= {"SERVICE_UNAVAILABLE"}, answer
        self.refusals += codes
        return None if codes else payload["receipts"]


def batch(name: str, number: int) -> list[dict[str, str]]:
    """Events whose keys begin with their batch, each of another quantity."""
    return [
        {
            "customer": "acme",
            "metric": "calls",
            "idempotencyKey": f"{name}-{number}/{index}",
            "quantity": f"{index + 1}.{number:06d}",
            "eventTime": "2026-05-05T12:00:00Z",
        }
        for index in range(BATCH)
    ]


@contextmanager
def sending(key: str, where: Callable[[], str]) -> Iterator[list[Sender]]:
    """Several clients at work; when the block ends all that they sent is answered."""
    has_enough = threading.Event()
    senders = [Sender(f"s{n}", key, where, has_enough) for n in range(CLIENTS)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        yield senders
    finally:
        has_enough.set()
        for thread in threads:
            thread.join()
