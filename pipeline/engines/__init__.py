"""Where chunks are scored: on this machine (``local``) or on a Ray cluster (``ray``)."""
