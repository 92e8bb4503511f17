"""Turns decisions into e-mails, each sent once."""
