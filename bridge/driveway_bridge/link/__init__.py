"""Ways to a car: Bluetooth, a TCP stream with the same frames, and one in memory. See `base` for the seam."""
