"""What the actors decide: synchronous, on their own state, tested without trio."""
