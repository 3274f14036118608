"""What a fetch comes to, as it is printed and as data."""

import io

from rich.console import Console

from jobs.summary import Download, Row, Status, Summary

ROWS = [
    Row("six", "1.0", 2, 3_000, 1, 2_000, Status.FETCHED),
    Row("evil", "", 0, 0, 0, 0, Status.FAILED, "no such [bold]project[/bold]"),
]
DOWNLOADS = [Download("six", "six-1.0.tar.gz", 2_000, "https://example.org/six-1.0.tar.gz")]


def printed(summary: Summary, *, files: bool) -> str:
    """Return what it prints on a wide terminal."""
    stream = io.StringIO()
    summary.print(Console(file=stream, width=200), files=files)
    return stream.getvalue()


def test_a_summary_is_a_table_with_a_total() -> None:
    """What others say is text, and no markup."""
    text = printed(Summary(ROWS, DOWNLOADS), files=False)
    assert "no such [bold]project[/bold]" in text
    assert "six-1.0.tar.gz" not in text
    assert "1 file to download, 2.0 kB\n" == text.splitlines(keepends=True)[-1]


def test_files_come_before_the_table() -> None:
    """Each with its size; of nothing there is no table."""
    assert (
        "    2.0 kB  six-1.0.tar.gz"
        == printed(Summary(ROWS, DOWNLOADS), files=True).splitlines()[0]
    )
    assert "0 files to download, 0 bytes\n" == printed(Summary([], []), files=True)


def test_a_summary_is_data() -> None:
    """Releases, files, and the sums."""
    summary = Summary(ROWS, DOWNLOADS)
    data = summary.data()
    assert (True, 1, 2_000) == (summary.failed, data["files"], data["bytes"])
    assert ["fetched", "failed"] == [row["status"] for row in data["releases"]]
    assert "https://example.org/six-1.0.tar.gz" == data["downloads"][0]["url"]
