"""Which kind of upstream the fake is."""

from dataclasses import dataclass
from typing import Literal, TypedDict

Kind = Literal["json", "html"]
Serials = Literal["json", "xmlrpc"]
Links = Literal["absolute", "relative"]


class Choices(TypedDict, total=False):
    """`Options`, as keywords of `FakePypi`."""

    kind: Kind
    legacy_json: bool
    serials: Serials | None
    core_metadata: bool
    validators: bool
    links: Links
    files_url: str | None
    simple_path: str
    legacy_path: str


@dataclass(frozen=True, slots=True)
class Options:
    """The kind of index; the package's docstring says what each option does."""

    kind: Kind = "json"
    legacy_json: bool = True
    serials: Serials | None = "json"
    core_metadata: bool = True
    validators: bool = True
    links: Links = "absolute"
    files_url: str | None = None
    simple_path: str = "/simple/"
    legacy_path: str = "/pypi/{project}/json"
