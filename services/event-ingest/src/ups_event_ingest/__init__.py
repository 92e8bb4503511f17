"""Takes UPS events in over HTTP, NUT and Kafka and acknowledges what the brokers have."""
