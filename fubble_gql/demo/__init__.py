"""The demo: an invented company's customers, plans and usage, the same on every machine.

metrics, plans, customers: what there is; story: who is on which plan, since when; habits, usage:
the events; load: all of it through the same functions that the API calls; folder: where it is kept.
"""
