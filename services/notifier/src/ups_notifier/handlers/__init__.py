"""What the notifier does, on ports that adapters implement."""
