"""The door: a file becomes a Config, or an error with all its problems."""

from pathlib import Path

from app.config.build import build_config
from app.config.checks import check_agreement
from app.config.document import DocumentError, compose, read_body
from app.config.filters import check_filters
from app.config.layout import check_layout
from app.config.problems import ConfigError, Problem, Problems, TooManyProblemsError
from app.config.requirement_files import read_required
from app.config.settings import Config
from app.config.table import build_tree
from app.config.walk import read_values


def load(path: Path) -> Config:
    """Return what the YAML file at `path` configures; relative paths start at its folder.

    Raises:
        ConfigError: Something is wrong; its `problems` are all that is.

    """
    problems = Problems()
    try:
        root = compose(read_body(path))
        folder = path.absolute().parent
        values = read_values(root, build_tree(), folder, problems)
        check_agreement(values, problems)
        check_filters(values, problems)
        check_layout(values, folder, problems)
        required = read_required(values, problems)
        if not problems.found:
            return build_config(values, folder, required)
    except DocumentError as error:
        raise ConfigError(path, (Problem(*error.place, error.message),)) from None
    except TooManyProblemsError:
        # It is the last of those found.
        pass
    raise ConfigError(path, problems.found)
