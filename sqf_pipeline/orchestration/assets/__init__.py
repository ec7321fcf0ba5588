"""Assets by stage; each loads, calls one function, and describes the result."""
