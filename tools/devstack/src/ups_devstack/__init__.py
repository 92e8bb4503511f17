"""Real Kafka, real MongoDB, a mail inbox and the services on one machine, without Docker."""
