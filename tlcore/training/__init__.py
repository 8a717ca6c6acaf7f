"""The loop, metrics, evaluation, checkpoints, the train job and the measure job. This file imports no torch."""
