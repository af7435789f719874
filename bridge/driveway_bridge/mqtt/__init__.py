"""The MQTT half of the bridge: connection, admission of commands, their way to the car, and what is told."""
