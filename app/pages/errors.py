"""The one error of this package."""


class PageError(ValueError):
    """A page, or one file on it, cannot be believed; the message says why."""


def shown(value: object) -> str:
    """Return upstream's value for an error message: short, on one line, never a crash.

    Only text is quoted. The `repr` of anything else may be huge, or so deep that
    making it is an error of its own.
    """
    return repr(value[:120]) if isinstance(value, str) else f"a {type(value).__name__}"
