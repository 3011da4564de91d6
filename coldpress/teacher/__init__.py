"""The teacher model: its files, its checks and how it is built."""
