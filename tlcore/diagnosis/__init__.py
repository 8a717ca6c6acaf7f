"""What went wrong in a run, read from its events: pitfalls with what was seen, what it means and a remedy. No torch."""

from tlcore.diagnosis.beside import probe_beside, runs_in
from tlcore.diagnosis.detect import DETECTORS, Diagnosis, diagnose
from tlcore.diagnosis.finding import Finding, Remedy

__all__ = ["DETECTORS", "Diagnosis", "Finding", "Remedy", "diagnose", "probe_beside", "runs_in"]
