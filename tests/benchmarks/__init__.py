"""What larder costs, measured: run by hand, and small as a smoke test."""
