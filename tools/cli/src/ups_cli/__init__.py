"""ups: the operator command."""
