"""Repair: statuses compared, certificates passed on, missing things asked for and answered."""
