"""What every floor above stands on: errors, records, shapes, memory, threads, signals."""
