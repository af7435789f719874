"""What the bridge thinks of a car, and what it does about it: pure, with the time passed in."""
