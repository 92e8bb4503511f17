"""What an installation's topics say of its devices, read back and told again."""
