"""How properties are tried: at any speed, since machines that run them are shared."""

from hypothesis import HealthCheck, settings

settings.register_profile("shared machine", deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("shared machine")
