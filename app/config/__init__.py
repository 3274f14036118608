"""The configuration: one YAML file, read once, complete and frozen."""

from app.config.first_file import default_yaml
from app.config.problems import ConfigError, Problem
from app.config.reader import load
from app.config.settings import (
    Address,
    Cache,
    Config,
    IpModes,
    LegacyJson,
    Log,
    LogFormat,
    Mode,
    ModeRule,
    Network,
    Projects,
    Schedule,
    Sync,
    TierSettings,
    Timeouts,
    Tls,
    Upstream,
    Verify,
    Votes,
    VotesVia,
)

__all__ = [
    "Address",
    "Cache",
    "Config",
    "ConfigError",
    "IpModes",
    "LegacyJson",
    "Log",
    "LogFormat",
    "Mode",
    "ModeRule",
    "Network",
    "Problem",
    "Projects",
    "Schedule",
    "Sync",
    "TierSettings",
    "Timeouts",
    "Tls",
    "Upstream",
    "Verify",
    "Votes",
    "VotesVia",
    "default_yaml",
    "load",
]
