"""Commands by subject: pure functions from arguments to `Command`. See `base` for the shape."""
