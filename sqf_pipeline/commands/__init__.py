"""The commands of `sqf`, one module each."""
