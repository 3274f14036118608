"""The filters: from the keys to the rules, and what the keys say together."""

from collections.abc import Sequence

from app.config import filter_keys as keys
from app.config.found import Values
from app.config.kinds import Key
from app.config.mirror_keys import LEGACY_JSON, PROJECTS
from app.config.problems import Problems
from app.config.settings import LegacyJson, Projects
from app.filters import (
    Ages,
    FileRules,
    Filters,
    MetadataRules,
    ProjectRules,
    ReleaseRules,
    TextPattern,
    Waiver,
)
from app.filters.texts import Rule

EXCEPTIONS = "filters.exceptions[]"
"""The section of the exceptions."""

_METADATA: Sequence[Key[tuple[TextPattern, ...]]] = (
    keys.ALLOW_CLASSIFIERS,
    keys.DENY_CLASSIFIERS,
    keys.ALLOW_LICENCES,
    keys.DENY_LICENCES,
    keys.ALLOW_KEYWORDS,
    keys.DENY_KEYWORDS,
)


def check_filters(values: Values, problems: Problems) -> None:
    """Note where filters contradict each other, or another key."""
    _check_listed(values, problems)
    _check_metadata(values, problems)
    if EXCEPTIONS in values.lists and not values.has(keys.MIN_AGE):
        message = f"filters.exceptions: mean nothing without {keys.MIN_AGE.name}; add it"
        problems.add(values.sections[EXCEPTIONS], message)


def _check_listed(values: Values, problems: Problems) -> None:
    if values.get(PROJECTS) is not Projects.LISTED:
        return
    if not values.has(keys.ALLOW) and not values.has(keys.FILES):
        message = (
            f"{PROJECTS.name}: listed is nothing without {keys.ALLOW.name} or {keys.FILES.name};"
            " name the projects there"
        )
        problems.add(values.place_of(PROJECTS), message)


def _check_metadata(values: Values, problems: Problems) -> None:
    first = next((key for key in _METADATA if values.has(key)), None)
    if first is None:
        return
    legacy = values.get(LEGACY_JSON)
    mirrored = values.get(PROJECTS) is Projects.ALL if legacy is None else False
    if legacy is not LegacyJson.MIRROR and not mirrored:
        message = (
            f"{first.name}: only legacy JSON tells it; write '{LEGACY_JSON.word}: mirror' in sync"
        )
        problems.add(values.place_of(first), message)


def build_filters(values: Values, required: tuple[Rule, ...]) -> Filters:
    """Return the filters; `required` is what the files of requirements name."""
    return Filters(_projects(values, required), _releases(values), _files(values))


def _projects(values: Values, required: tuple[Rule, ...]) -> ProjectRules:
    metadata = [values.get(key) or () for key in _METADATA]
    return ProjectRules(
        allow=values.get(keys.ALLOW) or (),
        required=required,
        listed=values.has(keys.FILES),
        deny=values.get(keys.DENY) or (),
        metadata_only=values.get(keys.METADATA_ONLY) or (),
        max_size=values.get(keys.PROJECT_SIZE),
        max_releases=values.get(keys.MAX_RELEASES),
        metadata=MetadataRules(*metadata),
    )


def _releases(values: Values) -> ReleaseRules:
    waivers = tuple(
        Waiver(row.need(keys.WHAT), row.need(keys.OWNER), row.need(keys.UNTIL))
        for row in values.rows(EXCEPTIONS)
    )
    return ReleaseRules(
        prereleases=values.need(keys.PRERELEASES),
        prereleases_of=values.get(keys.PRERELEASES_OF) or (),
        yanked=values.need(keys.YANKED),
        newest=values.get(keys.NEWEST),
        ages=Ages(
            max_age=values.get(keys.MAX_AGE),
            min_age=values.get(keys.MIN_AGE),
            freeze=values.get(keys.FREEZE),
            waivers=waivers,
        ),
    )


def _files(values: Values) -> FileRules:
    denied: tuple[str, ...] | None = values.get(keys.DENY_SHA256)
    return FileRules(
        kinds=values.get(keys.KINDS_KEY) or (),
        pythons=values.get(keys.PYTHON_KEY) or (),
        abis=values.get(keys.ABIS) or (),
        platforms=values.get(keys.PLATFORMS) or (),
        max_size=values.get(keys.FILE_SIZE),
        allow=values.get(keys.ALLOW_FILES) or (),
        deny=values.get(keys.DENY_FILES) or (),
        deny_sha256=frozenset(denied or ()),
    )
