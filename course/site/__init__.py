"""The course as web pages: `python -m lessons site`, or `make site`. Nothing in them needs a kernel or another host."""
