"""Upstream's list of projects from run to run: which was carried out, which is believed."""

import json
from collections.abc import Mapping, Sequence

from app.freshness import Freshness
from app.names import ProjectName
from app.planning import IndexPlan
from app.steps import KeepList
from app.store import Store
from app.upstream import Validators
from jobs.exit_codes import RefusedError

_REFUSED = "refused_names"
"""The setting that tells what upstream's list names and is no name of a project."""

_SHOWN = 100
"""So many of those are kept."""


def kept_list(store: Store) -> KeepList:
    """Return which list of upstream's the index is in step with."""
    return Freshness(store).kept_list()


def refused_names(store: Store) -> list[str]:
    """Return what upstream's list names and is no name of a project."""
    value = store.setting(_REFUSED)
    names: list[str] = json.loads(value) if value else []
    return names


def keep_list(store: Store, done: KeepList, refused: Sequence[str] | None) -> None:
    """Note which list is carried out, and what it names that is no name.

    None where only the changelog was read: what the last list named stands.
    """
    if refused is not None:
        store.keep(_REFUSED, json.dumps(refused[:_SHOWN]).encode())
    Freshness(store).keep_list(done)


def validators_of(kept: KeepList) -> Validators | None:
    """Return what to revalidate a list with, or None where upstream gave nothing."""
    if not (kept.etag or kept.last_modified):
        return None
    return Validators(kept.etag, kept.last_modified)


def believe(serials: Mapping[ProjectName, int], last: int | None, before: int | None) -> None:
    """Refuse a list that cannot be right after the one that was `before`, if it says of when it is.

    Raises:
        RefusedError: It is empty, or older.

    """
    if not serials:
        raise RefusedError(_refusal("is empty"))
    _refuse_older(last, before)


def believe_none(url: str, before: KeepList) -> None:
    """Refuse that there is no list where there was one: a front end's page stands there.

    Raises:
        RefusedError: There was one.

    """
    if before.known is not None:
        raise RefusedError(
            f"{url} had a list of serials and has none now; nothing was changed. "
            "If that stays so, set index.projects: on-demand"
        )


def believe_plan(plan: IndexPlan, last: int | None, before: int | None, limit: int) -> None:
    """Refuse a list that cannot be right after what is here.

    A list may have no serial of its own (`last` is the highest of its projects' then): it
    is older only if projects went back, since the one that had the highest may be deleted.

    Raises:
        RefusedError: It lacks too many of the projects that are here, or is older.

    """
    if plan.missing > limit:
        raise RefusedError(_refusal(f"lacks {plan.missing} projects that are here"))
    if plan.older:
        _refuse_older(last, before)


def _refuse_older(last: int | None, before: int | None) -> None:
    if before is not None and last is not None and last < before:
        raise RefusedError(_refusal(f"is at serial {last}, and was at {before} before"))


def _refusal(what: str) -> str:
    return (
        f"upstream's list of projects {what}; nothing was changed. If that is right, "
        "run again with --accept-removals"
    )
