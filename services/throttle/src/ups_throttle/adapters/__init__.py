"""The worker's port on Kafka and in memory, the group that hands out partitions, and the wire format."""
