"""Owns devices, their keys, plans and subscriptions, and the Event Log."""
