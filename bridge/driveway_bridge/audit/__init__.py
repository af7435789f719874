"""Who asked for what, by which way, and what became of it: lines in a file, each sealed to the one before."""
