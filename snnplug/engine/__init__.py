"""The engine: a recipe run stage by stage. What users call is in `snnplug` itself."""
