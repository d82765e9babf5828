"""Algorithms that correlate: a module each, listed in `table`, prepared by `prepare`, chosen among by `choose`."""
