"""The car's state by subject: frozen values made from the car's messages; None means that the car did not say."""
