"""The parts of the virtual car: what each knows about itself and how it changes with time. Nothing of the wire."""
