"""PostgreSQL and the S3 bucket."""
