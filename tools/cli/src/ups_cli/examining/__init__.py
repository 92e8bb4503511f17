"""What `ups doctor` looks at: each check bounded in time, and worth a line whatever else is away."""
