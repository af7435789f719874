"""A radio that exists only in memory: Bluetooth without hardware, for the demo, the tests and a laptop."""
