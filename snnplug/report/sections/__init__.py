"""The sections of the report, a file a stage."""
