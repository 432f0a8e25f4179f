"""The report: one self-contained page of a run; start at ``page.build_report``."""
