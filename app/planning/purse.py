"""What a run may spend: bytes, by kind of step."""

from collections import Counter

from app.bounds import MoveBudget


class Purse:
    """The budget of one run; asked for the most valuable steps first."""

    def __init__(self, budget: MoveBudget) -> None:
        """Nothing is spent yet."""
        self._budget = budget
        self._spent: Counter[str] = Counter()
        self._closed: set[str] = set()

    def pays(self, verb: str, size: int) -> bool:
        """Whether a step may be taken; then its bytes are spent.

        The first one refused is the last one asked for: what is worth less must not come
        in its place. A step larger than the whole budget is taken alone, or it never
        would be.
        """
        limit = self._budget.of(verb)
        if limit is None:
            return True
        alone = limit > 0 and not self._spent[verb]
        if verb in self._closed or (self._spent[verb] + size > limit and not alone):
            self._closed.add(verb)
            return False
        self._spent[verb] += size
        return True
