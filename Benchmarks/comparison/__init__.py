"""What compare.py is made of. Needs nothing but Python's standard library."""
