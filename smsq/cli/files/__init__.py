"""Files that commands read and write: encodings, lines, rows, phones, rejects, progress."""
