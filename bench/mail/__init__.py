"""The way of a mail: from ingest's 202 to a mail server's yes."""
