"""Where clips and the log's journal and tiles are kept: one durable object per key."""
