"""Clean stops to tables that ask whether groups of people were treated alike: tests, intervals and gates."""
