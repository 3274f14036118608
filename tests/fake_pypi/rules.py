"""Which faults are in force, and for which requests."""

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.fake_pypi.answers import Request
from tests.fake_pypi.faults import Fault


class Faults:
    """The faults in force; the latest that fits a request is the one it gets."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []

    def add(self, fault: Fault, at: str, times: int | None, method: str | None) -> None:
        """Put a fault in force."""
        with self._lock:
            self._rules.append(_Rule(fault, at, times, method))

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._rules.clear()

    def take(self, request: Request) -> Fault:
        """Return the fault for a request, and count it."""
        if not self._rules:
            return _NO_FAULT
        with self._lock:
            for rule in reversed(self._rules):
                if rule.fits(request):
                    rule.count()
                    return rule.fault
        return _NO_FAULT


@dataclass
class _Rule:
    """One fault and where it applies."""

    fault: Fault
    at: str
    left: int | None
    method: str | None

    def fits(self, request: Request) -> bool:
        """Say whether the request gets the fault."""
        if self.left == 0 or self.method not in {None, request.method}:
            return False
        return self.at == request.path or fnmatchcase(request.path, self.at)

    def count(self) -> None:
        """Note that a request got it."""
        if self.left is not None:
            self.left -= 1


_NO_FAULT = Fault()
