"""What upstream sent to the model: the door to the parsers of each format."""

from app.pages.errors import PageError
from app.pages.html_page import parse_html
from app.pages.json_page import parse_json
from app.pages.legacy import merge_legacy

__all__ = ["PageError", "merge_legacy", "parse_html", "parse_json"]
