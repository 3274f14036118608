"""Entry points: one harness, and one small module a job."""
