"""The files of a page, good and bad."""

from app.model import File
from app.names import Filename, InvalidNameError, path_from_digest
from app.pages.errors import PageError
from app.pages.listing import admit


def parse(entry: str) -> File:
    """Return a file of that name, whose path tells its first letter."""
    if entry == "bad":
        raise PageError("no good")
    if entry == "worse":
        raise InvalidNameError("no name")
    name = Filename(entry[1:])
    return File(filename=name, path=path_from_digest(entry[0] * 64, name))


def test_a_bad_file_costs_only_itself() -> None:
    """The others are taken, and the reason names the bad ones."""
    files, refused = admit(["ax.whl", "bad", "by.whl", "worse"], parse, lambda entry: entry)
    assert ["x.whl", "y.whl"] == [file.filename for file in files]
    assert ("'bad': no good", "'worse': no name") == refused


def test_of_two_files_with_one_name_the_first_is_taken() -> None:
    """A page that lists a name twice cannot choose what larder offers under it."""
    files, refused = admit(["ax.whl", "bx.whl"], parse, lambda entry: entry)
    assert (parse("ax.whl"),) == files
    assert ("'x.whl': a file of this name is listed before",) == refused
