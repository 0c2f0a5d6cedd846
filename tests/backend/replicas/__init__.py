"""Data parallelism: each script trains on replicas in a process of its own."""
