"""Verifies what was decided: by the rules that every history keeps, and by telling it again."""
