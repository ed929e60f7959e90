"""GitHub and GitHub Enterprise. PyGithub is imported with the first request, and not before."""
