"""What a job's exit code says; the same for all of them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The codes of DESIGN section 2; a signal's is 128 and its number."""

    DONE = 0
    # Finished, but some steps failed; the next run plans them again.
    FAILED_STEPS = 1
    USAGE = 2
    # Upstream's answer, or a bundle, is not to be believed; nothing was changed.
    REFUSED = 3
    # sysexits(3), EX_TEMPFAIL: another run holds the lock, or upstream or the database's
    # server is not there.
    TRY_LATER = 75


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED_STEPS: "finished, but some steps failed; the next run plans them again",
    ExitCode.USAGE: "usage or configuration",
    ExitCode.REFUSED: "refused: upstream's answer, or a bundle, is not to be believed",
    ExitCode.TRY_LATER: (
        "try later: another run holds the lock, or upstream or the database is away"
    ),
}


class JobError(Exception):
    """The job ends here, with a code and one sentence."""

    code = ExitCode.FAILED_STEPS


class UsageError(JobError):
    """The command line or the configuration is wrong."""

    code = ExitCode.USAGE


class RefusedError(JobError):
    """Upstream's answer, or a bundle, is not to be believed."""

    code = ExitCode.REFUSED


class TryLaterError(JobError):
    """It cannot be done now."""

    code = ExitCode.TRY_LATER
