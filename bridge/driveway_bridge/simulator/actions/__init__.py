"""What the infotainment computer does when it is asked: one row for each action of its messages, by subject."""
