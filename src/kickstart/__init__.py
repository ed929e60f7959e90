"""From a template to a running AI application in one command."""

__version__ = "0.1.0"
