"""When a file must have been uploaded, by upstream's word for it (PEP 700).

A file without an upload time is out under each of these rules: nobody can tell.
"""

from collections.abc import Sequence

from packaging.version import Version

from app.filters.rules import Ages, Waiver
from app.filters.verdicts import IN, Verdict
from app.model import utc

_MIN_AGE = "filters.releases.min_age"
_MAX_AGE = "filters.releases.max_age"
_FREEZE = "filters.releases.freeze"


def judge_age(
    ages: Ages,
    waivers: Sequence[Waiver],
    uploaded: str | None,
    version: Version | None,
    now: int,
) -> Verdict:
    """Return the verdict on a file's age; `waivers` are those of its project's name."""
    if ages.min_age is ages.max_age is ages.freeze is None:
        return IN
    moment = seconds(uploaded)
    if ages.freeze is not None and (moment is None or moment > ages.freeze):
        return _out(_FREEZE, moment, "it was uploaded after the freeze")
    if ages.max_age is not None and (moment is None or moment + ages.max_age <= now):
        return _out(_MAX_AGE, moment, "it is older than that")
    until = None if ages.max_age is None or moment is None else moment + ages.max_age
    if ages.min_age is None:
        return Verdict(shown=True, rule=_MAX_AGE, reason="it is young enough", until=until)
    return _judge_youth(ages.min_age, _waived(waivers, version, now), moment, until, now)


def _judge_youth(
    min_age: int, waiver: Waiver | None, moment: int | None, until: int | None, now: int
) -> Verdict:
    of_age = None if moment is None else moment + min_age
    if of_age is not None and of_age <= now:
        return Verdict(shown=True, rule=_MIN_AGE, reason="it is old enough", until=until)
    if waiver:
        reason = f"an exception lets it through: {waiver.what.text}, {waiver.owner} answers for it"
        ends = min(end for end in (waiver.until, until) if end is not None)
        return Verdict(shown=True, rule="filters.exceptions", reason=reason, until=ends)
    return _out(_MIN_AGE, moment, "it is younger than that", of_age)


def _waived(waivers: Sequence[Waiver], version: Version | None, now: int) -> Waiver | None:
    """Return the exception that lasts longest."""
    running = [one for one in waivers if one.until > now and one.what.takes(version)]
    return max(running, key=lambda one: one.until, default=None)


def _out(rule: str, moment: int | None, reason: str, until: int | None = None) -> Verdict:
    if moment is None:
        reason = "upstream does not tell when it was uploaded"
    return Verdict(shown=False, rule=rule, reason=reason, until=until)


def seconds(uploaded: str | None) -> int | None:
    """Return an upload time in seconds since the epoch, or None where there is none."""
    moment = utc(uploaded) if uploaded else None
    return None if moment is None else int(moment.timestamp())
