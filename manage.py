#!/usr/bin/env python
"""Django's command line, and the product's: `python manage.py up`."""

from mediqa_platform.__main__ import main

if __name__ == "__main__":
    main()
