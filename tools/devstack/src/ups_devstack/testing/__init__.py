"""Test kit for stories that people play."""
