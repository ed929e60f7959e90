"""From an uploaded file to searchable passages."""
