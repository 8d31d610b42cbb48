"""The processes of a django-q2 cluster: supervision, sentinel, brokers, queues."""
