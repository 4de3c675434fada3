"""azup as a wheel: the program is in the environment's scripts folder."""
