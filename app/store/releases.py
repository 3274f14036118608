"""New files, and the heat that they take over from the release before."""

from collections.abc import Iterable, Iterator

from peewee import EXCLUDED, JOIN, SQL, fn

from app.scoring import Released, Transfer
from app.store.popularity import PopularityQueries
from app.store.tables import File, Heat, Project, Setting

_RELEASED = "released"
"""The setting that has the number of the last file that could take heat over."""


class ReleaseQueries(PopularityQueries):
    """Queries about what came since heat was last handed on."""

    def siblings(self, newest: int, now: int) -> Iterator[list[Released]]:
        """Yield the files, up to one, of each project that has new ones and heat to hand on.

        New are those that came since `hand_on` was told of the newest; before it ever
        was, none is.
        """
        with self._reading():
            mark, scale = self.handed_on(), self._scale()
            if mark is None:
                return
            for project in self._projects_with_news(mark, newest):
                query = File.select(File.id, File.path, fn.COALESCE(Heat.heat, 0.0))
                joined = query.join(Heat, JOIN.LEFT_OUTER, on=(Heat.file == File.id))
                listed = joined.where(File.project == project, File.listed == 1, File.id <= newest)
                yield [
                    Released(file, path.rpartition("/")[2], scale.heat(heat, now), file > mark)
                    for file, path, heat in self._rows(listed.order_by(File.id))
                ]

    def handed_on(self) -> int | None:
        """Return the newest file that `hand_on` was told of, or None."""
        with self._reading():
            query = Setting.select(Setting.value).where(Setting.key == _RELEASED)
            row = next(self._rows(query), None)
            return int(bytes(row[0])) if row else None

    def newest_file(self) -> int:
        """Return the highest number of a file."""
        with self._reading():
            return int(self._only(File.select(fn.COALESCE(fn.MAX(File.id), 0))))

    def hand_on(self, transfers: Iterable[Transfer], newest: int) -> None:
        """Let files take over heat, and note up to which file that is done; all or nothing."""
        with self._writing():
            for transfer in transfers:
                self._hand_on(transfer)
            self._put(_RELEASED, str(newest).encode())

    def _projects_with_news(self, mark: int, newest: int) -> list[int]:
        old, new = File.alias("old"), File.alias("new")
        warm = (
            old.select(SQL("1"))
            .join(Heat, on=(Heat.file == old.id))
            .where(old.project == Project.id, old.id <= mark)
        )
        news = new.select(new.project).where(new.id > mark, new.id <= newest)
        query = Project.select(Project.id).where(Project.id.in_(news), fn.EXISTS(warm))
        return [row[0] for row in self._rows(query.order_by(Project.id))]

    def _hand_on(self, transfer: Transfer) -> None:
        taken = Heat.select(transfer.target, Heat.heat * transfer.share, 0, 0, 1)
        fields = [Heat.file, Heat.heat, Heat.votes, Heat.ever, Heat.inherited]
        self._run(
            Heat.insert_from(taken.where(Heat.file == transfer.source), fields).on_conflict(
                conflict_target=[Heat.file],
                update={Heat.heat: Heat.heat + EXCLUDED.heat, Heat.inherited: 1},
            )
        )
        kept = Heat.update(heat=Heat.heat * (1 - transfer.share))
        self._run(kept.where(Heat.file == transfer.source))
