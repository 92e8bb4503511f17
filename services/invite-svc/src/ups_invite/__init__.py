"""Owns companies, users, invitations and sign-in."""
