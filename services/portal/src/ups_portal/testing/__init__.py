"""What tests of the portal stand on, here and in the integration tests."""
