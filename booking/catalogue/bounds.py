"""The most that forms and files may say of courses, sessions and agencies, and what references of
sessions are made of.
"""

REFERENCE = r"[A-Za-z0-9][A-Za-z0-9._/-]*"

MOST_PLACES = 5000
# Dates of one session, as a course has it.
MOST_DATES = 10
LONGEST_OFFER_HOURS = 200
MOST_DECIDE_DAYS = 60
MOST_RELEASE_DAYS = 60
MOST_RENEW_MONTHS = 120
MOST_TURNOVER_POUNDS = 10_000_000_000
LONGEST_TEXT = 4000
