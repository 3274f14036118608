"""Entry point of `larder why`."""

import argparse
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from app.filters import Facts, Judge, Verdict, filenames
from app.filters.texts import Rule, RuleError, parse_rule
from app.model import Project
from app.names import InvalidNameError, ProjectName, parse_project
from app.rerender import LostPageError
from app.store import StoreBusyError, StoreError
from app.upstream import NoSuchProject, UpstreamError, UpstreamUnavailable
from jobs.exit_codes import ExitCode, JobError, TryLaterError, UsageError
from jobs.harness import add_config_option, read_config, set_up_logging
from jobs.parts import Parts

logger = logging.getLogger("larder")


def run(arguments: Sequence[str] | None = None) -> int:
    """Say of each file whether filters let it through, and which rule decides."""
    options = _parser().parse_args(arguments)
    set_up_logging(options)
    try:
        answer = explain(Parts(read_config(options.config)), options.what, int(time.time()))
    except JobError as error:
        logger.error("why: %s", error)
        return error.code
    if options.json:
        print(json.dumps(answer))
    else:
        _show(answer, Console())
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="larder why",
        description="Say of each file whether the filters let it through, and which rule decides.",
    )
    add_config_option(parser)
    parser.add_argument(
        "what", metavar="REQUIREMENT", help="numpy, numpy==2.1.0, 'numpy>=2', or a file's name"
    )
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(verbose=False, quiet=False)
    return parser


def explain(parts: Parts, what: str, now: int) -> Mapping[str, Any]:
    """Return the verdicts on a project and its files, by the filters as they stand in the YAML.

    Raises:
        JobError: It is no requirement, upstream has no such project, or cannot be asked.

    """
    name, rule, filename = _wanted(what)
    judge = Judge(parts.config.filters)
    verdict = judge.project_by_name(name)
    project, facts, source = _found(parts, name, verdict)
    files: list[Mapping[str, Any]] = []
    if project is not None:
        judgement = judge.judge(project, facts, now)
        verdict = judgement.project
        for one in judgement.files:
            version = filenames.read(one.file.filename).version
            if rule.takes(version) and filename in (None, one.file.filename):
                files.append({"file": one.file.filename, **_said(one.verdict)})
    return {"project": name, "by": source, **_said(verdict), "files": files}


def _wanted(what: str) -> tuple[ProjectName, Rule, str | None]:
    """Return the project, the releases and the file that are asked about."""
    named = filenames.read(what)
    try:
        if named.project and (named.tags or named.kind == filenames.SDIST):
            return parse_project(named.project), parse_rule(named.project), what
        rule = parse_rule(what)
        if rule.name.exact is None:
            raise UsageError(f"{what!r} is not one project; name one")
        return parse_project(rule.name.exact), rule, None
    except (RuleError, InvalidNameError) as error:
        raise UsageError(str(error)) from error


def _found(
    parts: Parts, name: ProjectName, verdict: Verdict
) -> tuple[Project | None, Facts | None, str]:
    """Return upstream's page, as it is here; else as it is there, unless it is hidden by name."""
    try:
        known = parts.store.tracked_project(name)
        if known is not None and known.checked_at is not None:
            screened = parts.index.screened(known)
            return screened.whole, screened.facts, "the page that is here"
    except LostPageError:
        pass
    except StoreBusyError as error:
        raise TryLaterError(str(error)) from error
    except StoreError as error:
        raise UsageError(str(error)) from error
    if not verdict.shown:
        return None, None, "its name"
    return _asked(parts, name)


def _asked(parts: Parts, name: ProjectName) -> tuple[Project, Facts | None, str]:
    try:
        fetched = parts.upstream.project(name, None)
        legacy = parts.upstream.legacy(name)
    except NoSuchProject as error:
        raise UsageError(f"upstream has no project {name}") from error
    except UpstreamUnavailable as error:
        raise TryLaterError(str(error)) from error
    except UpstreamError as error:
        raise JobError(str(error)) from error
    if fetched is None:
        raise JobError(f"upstream has no page of {name}")
    facts = parts.index.facts(legacy.body if legacy else None)
    return fetched.project, facts, "upstream's page"


def _said(verdict: Verdict) -> Mapping[str, Any]:
    return {"shown": verdict.shown, "rule": verdict.rule, "reason": verdict.reason}


def _show(answer: Mapping[str, Any], console: Console) -> None:
    word = "shown" if answer["shown"] else "hidden"
    rule = f" by {answer['rule']}" if answer["rule"] else ""
    line = f"{answer['project']} is {word}{rule}: {answer['reason']} (judged by {answer['by']})"
    console.print(line, soft_wrap=True, markup=False, highlight=False)
    if not answer["files"]:
        return
    table = Table("file", "", "rule", "reason")
    for one in answer["files"]:
        # Names and reasons quote what upstream sends: nothing in them is markup.
        cells = (one["file"], "in" if one["shown"] else "out", one["rule"], one["reason"])
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    console.print(table)


if __name__ == "__main__":
    sys.exit(run())
