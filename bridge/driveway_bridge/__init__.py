"""Driveway's bridge: it holds a key to the car, talks to it over Bluetooth, and speaks MQTT in the house."""

__version__ = "0.1.0"
