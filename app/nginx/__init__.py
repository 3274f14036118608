"""nginx's configuration: the only user of jinja2.

The templates lie in the package `nginx`. Everything that goes into them has passed
`app.nginx.values`, so that no value can end a string or a block.
"""

from app.nginx.machine import Runtime, prepare, read_resolvers, this_machine
from app.nginx.render import render
from app.nginx.rotation import render_logrotate
from app.nginx.values import UnsafeValueError

__all__ = [
    "Runtime",
    "UnsafeValueError",
    "prepare",
    "read_resolvers",
    "render",
    "render_logrotate",
    "this_machine",
]
