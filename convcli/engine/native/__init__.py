"""The native core: kernels in C, and the records by which Python tells them what to compute. See README.md beside."""
