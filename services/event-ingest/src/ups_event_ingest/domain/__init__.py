"""What is accepted, from whom and how often; pure."""
