"""The ground floor, which all others use: errors, records, shapes, memory, threads, signals."""
