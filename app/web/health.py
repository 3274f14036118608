"""For probes and for Prometheus: on nginx's own listener, never on that of clients."""

import falcon
from prometheus_client import CONTENT_TYPE_LATEST

from app.web.metrics import Metrics


class HealthResource:
    """`/healthz`: whether the application answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer."""
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = "ok\n"


class MetricsResource:
    """`/metrics`: the counters."""

    def __init__(self, metrics: Metrics) -> None:
        """Tell these."""
        self._metrics = metrics

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer in Prometheus' text format."""
        resp.content_type = CONTENT_TYPE_LATEST
        resp.data = self._metrics.exposition()
