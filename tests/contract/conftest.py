"""What all tests of the contract need."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long one example takes says something of the machine, and nothing of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=(HealthCheck.too_slow,))
settings.load_profile("patient")
