"""What the notifier decides: pure, handed time and chance."""
