"""The parts of `compare_peers.py`: Coldpress measured beside other libraries."""
