"""Teachers that are run for their outputs alone: any classifier of transformers, also zero-shot."""
