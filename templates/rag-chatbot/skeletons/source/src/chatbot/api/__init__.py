"""HTTP routes under /api, and the probes."""
