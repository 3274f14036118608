"""The files of a page: the good ones, and why the others are left out."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from app.model import File
from app.names import Filename, InvalidNameError
from app.pages.errors import PageError, shown

Entry = TypeVar("Entry")


def admit(
    entries: Iterable[Entry], parse: Callable[[Entry], File], title: Callable[[Entry], object]
) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """Return the files and, for each entry that is none, its title and the reason.

    A wrong name or URL in one file must not cost the page its others. Of two files
    with one name the first is taken, as installers do.
    """
    files: dict[Filename, File] = {}
    refused = []
    for entry in entries:
        try:
            file = parse(entry)
        except (PageError, InvalidNameError) as error:
            refused.append(f"{shown(title(entry))}: {error}")
            continue
        if file.filename in files:
            refused.append(f"{shown(file.filename)}: a file of this name is listed before")
        else:
            files[file.filename] = file
    return tuple(files.values()), tuple(refused)
