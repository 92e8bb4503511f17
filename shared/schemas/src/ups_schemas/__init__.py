"""What is on the wire: event catalogue, topics, messages."""
