"""Many rules about names, asked about a million of them."""

from collections import defaultdict
from collections.abc import Iterable

from app.filters.texts import Rule


class RuleBook:
    """Rules, looked up by the name of a project."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Sort them: most name one project."""
        self._exact: defaultdict[str, list[Rule]] = defaultdict(list)
        self._patterns: list[Rule] = []
        for rule in rules:
            if rule.name.exact is None:
                self._patterns.append(rule)
            else:
                self._exact[rule.name.exact].append(rule)

    def of(self, name: str) -> list[Rule]:
        """Return the rules that a project's name matches."""
        found = [rule for rule in self._patterns if rule.name.matches(name)]
        return [*self._exact[name], *found] if name in self._exact else found

    @property
    def names(self) -> frozenset[str]:
        """The names that are spelled out."""
        return frozenset(self._exact)

    @property
    def open(self) -> bool:
        """Whether some rules match names that are not spelled out."""
        return bool(self._patterns)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._exact or self._patterns)
