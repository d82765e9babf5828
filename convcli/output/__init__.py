"""What a command answers, as data (`report`), and that answer as bytes (`render`)."""
