"""What scripts/bench measures; each module is one benchmark."""
