"""The environment variables that the application knows."""

CONFIG_VARIABLE = "LARDER_CONFIG"
"""Names the YAML file."""

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own: a folder in whose files each worker counts. It is looked at
when the library is imported."""
