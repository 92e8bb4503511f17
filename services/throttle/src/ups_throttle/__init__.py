"""Decides, exactly once, which event becomes a notification and when a device is silenced."""
