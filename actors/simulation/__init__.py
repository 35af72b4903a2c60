"""The whole bot in virtual time, as a function of a seed."""
