"""One stage a file: fetch the inputs, call the library, record the result."""
