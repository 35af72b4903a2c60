"""What the venues say, and what it means: synchronous, pure, total."""
