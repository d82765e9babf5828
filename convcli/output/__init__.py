"""The answers of commands, as data (`report`) and as bytes (`render`)."""
