"""What a person triggers: one flow a file."""
