"""Sequences of steps that take little memory: a first sync has a million of them."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias, overload

from app.names import ProjectName
from app.steps import AddProject, RevalidateProject, Step, UpdateProject

ProjectStep: TypeAlias = AddProject | UpdateProject | RevalidateProject
"""A step about one project."""


class _Steps(Sequence[Step]):
    """A sequence whose items are made when they are asked for."""

    def _at(self, index: int) -> Step:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Step: ...

    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...

    def __getitem__(self, index: int | slice) -> Step | list[Step]:
        """Return a step, or several."""
        places = range(len(self))[index]
        return [self._at(one) for one in places] if isinstance(places, range) else self._at(places)

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps."""
        return map(self._at, range(len(self)))


class ProjectSteps(_Steps):
    """Steps about projects, in the order of their names."""

    def __init__(self, steps: Sequence[ProjectStep], added: Mapping[ProjectName, int]) -> None:
        """Take steps, and the serials of other projects that are to be added."""
        self._steps = {step.project: step for step in steps}
        self._names = sorted(chain(added, self._steps))
        # A first sync lasts for hours: it keeps no dictionary of the serials.
        self._serials = array("q", (added.get(name, 0) for name in self._names))

    def __len__(self) -> int:
        """Return how many."""
        return len(self._names)

    def _at(self, index: int) -> Step:
        name = self._names[index]
        return self._steps.get(name) or AddProject(name, self._serials[index])


class Joined(_Steps):
    """Some steps, and then others."""

    def __init__(self, first: Sequence[Step], then: Sequence[Step]) -> None:
        """Copy none."""
        self._first, self._then = first, then

    def __len__(self) -> int:
        """Return how many."""
        return len(self._first) + len(self._then)

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps as each part does."""
        return chain(self._first, self._then)

    def _at(self, index: int) -> Step:
        here = len(self._first)
        return self._first[index] if index < here else self._then[index - here]
