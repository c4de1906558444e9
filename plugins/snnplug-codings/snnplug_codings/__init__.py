"""Codings of converted networks: rate, phase, burst, T2FSNN, FS and QCFS, and their calibrations."""
