"""`manage.py up`: the embedded services, and the supervision of every process of one machine."""
