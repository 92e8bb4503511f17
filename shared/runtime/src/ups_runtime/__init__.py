"""How a Ridethrough process behaves: settings, logs, health, life cycle, Kafka, outbox."""
