"""Bytes to arrays and back: the file formats that convcli reads and writes."""
