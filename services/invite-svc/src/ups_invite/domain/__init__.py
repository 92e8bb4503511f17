"""What is true of people and companies, whoever asks: pure, and handed time, ids and chance."""
