"""The service's test kit: fakes of its ports, and the contracts that they and the real adapters pass."""
