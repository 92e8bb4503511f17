"""HTTP for browsers, device-svc over HTTP, templates."""
