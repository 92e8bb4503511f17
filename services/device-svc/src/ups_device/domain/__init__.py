"""What is true of devices, whoever asks: pure, and handed time, ids and chance."""
