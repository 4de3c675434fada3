"""azup as a wheel: the program is in the environment's folder of scripts."""
