"""What a fetch comes to, release by release: as data, and as a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table


class Status(StrEnum):
    """What became of a release."""

    FETCHED = "fetched"
    # Nothing was to be downloaded.
    HERE = "here"
    # In a dry run.
    WANTED = "to fetch"
    LEFT = "not tried"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Row:
    """One release."""

    project: str
    version: str
    # All that is wanted of it, and what of that is, or was, to be downloaded.
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is to be downloaded."""

    project: str
    file: str
    bytes: int
    url: str


@dataclass(frozen=True, slots=True)
class Summary:
    """All releases, and the files that are to be downloaded of them."""

    rows: Sequence[Row]
    downloads: Sequence[Download]

    @property
    def failed(self) -> bool:
        """Whether anything did."""
        return any(row.status is Status.FAILED for row in self.rows)

    def data(self) -> dict[str, Any]:
        """Return it as plain data, for `--json`."""
        return {
            "releases": [asdict(row) for row in self.rows],
            "downloads": [asdict(one) for one in self.downloads],
            "files": len(self.downloads),
            "bytes": sum(one.bytes for one in self.downloads),
        }

    def print(self, console: Console, *, files: bool) -> None:
        """Print the table; with `files` those before it."""
        if files:
            for one in self.downloads:
                line = f"{decimal(one.bytes):>10}  {one.file}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
        table = Table("project", "version", "files", "size", "new", "new size", "status", "why")
        for row in self.rows:
            sizes = (str(row.files), decimal(row.bytes), str(row.new_files), decimal(row.new_bytes))
            # Reasons quote what others send: nothing in them is markup.
            why = row.reason.replace("[", r"\[")
            table.add_row(row.project, row.version, *sizes, row.status, why)
        if self.rows:
            console.print(table)
        total = sum(one.bytes for one in self.downloads)
        count = f"{len(self.downloads)} file{'s' * (len(self.downloads) != 1)}"
        console.print(f"{count} to download, {decimal(total)}", highlight=False)
