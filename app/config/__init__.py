"""The configuration: one YAML file, read once, complete and frozen."""

from app.config.first_file import default_yaml
from app.config.identity import own_mark
from app.config.problems import ConfigError, Problem
from app.config.reader import load
from app.config.requirement_files import rules_of_file
from app.config.settings import (
    Address,
    Cache,
    CachePolicy,
    Config,
    DecaySettings,
    HiddenAnswer,
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
    "CachePolicy",
    "Config",
    "ConfigError",
    "DecaySettings",
    "HiddenAnswer",
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
    "own_mark",
    "rules_of_file",
]
