"""What the infotainment computer tells: one function for each category of the vehicle data.

Every field has presence: what is not set is unknown or not fitted, and zero is told as zero.
"""
