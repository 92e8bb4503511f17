"""Kafka Streams doing the bare rule."""
