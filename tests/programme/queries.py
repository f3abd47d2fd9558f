"""Sixty things people type into the search, and what they expect to be found."""

from django.db.models import Q

# What was typed, and the course whose sessions must come first.
ONE_THING = [
    # Typing errors.
    ("saefguarding introduction", "INTRO"),
    ("domestc abuse", "DA"),
    ("neglct", "NEGLECT"),
    ("mony lending", "LOAN"),
    ("sucide", "SUICIDE"),
    ("fabricatd ilness", "FII"),
    ("alegations", "LADO"),
    ("unbron baby", "BABY"),
    ("formulaton", "FORM"),
    ("stratgey meetings", "STRAT"),
    ("genital mutilaton", "FGM"),
    ("conferance annual", "CONF"),
    ("homeeducation", "EHE"),
    ("new born", "BABY"),
    # Acronyms.
    ("CSE", "CE-INTRO"),
    ("ce", "CE-INTRO"),
    ("DA", "DA"),
    ("FGM", "FGM"),
    ("fii", "FII"),
    ("LADO", "LADO"),
    ("EHE", "EHE"),
    ("HBA", "FGM"),
    ("ICPC", "ICPC"),
    ("T4T", "T4T"),
    ("PCR", "PCR"),
    # Subjects.
    ("mental health", "SUICIDE"),
    ("self harm", "SUICIDE"),
    ("self-harm", "SUICIDE"),
    ("money", "LOAN"),
    ("poverty", "LOAN"),
    ("education", "EHE"),
    ("sport", "SPORT"),
    ("neglect", "NEGLECT"),
    ("early years", "BABY"),
    ("harmful practices", "FGM"),
    ("forced marriage", "FGM"),
    ("honour-based", "FGM"),
    ("online safety", "ONLINE"),
    ("refresher", "REFRESH"),
    ("working together", "WT"),
    ("train the trainers", "T4T"),
    ("annual conference", "CONF"),
    ("perplexing", "FII"),
    # A reference.
    ("S003", "INTRO"),
    ("s 003", "INTRO"),
]

_IN_PERSON = ~Q(delivery="online")
# What was typed, and what the database says of all that it means.
MANY_THINGS = [
    ("online", Q(delivery="online")),
    ("ONLINE", Q(delivery="online")),
    ("february", Q(sittings__starts_at__month=2)),
    ("feb 2027", Q(sittings__starts_at__month=2, sittings__starts_at__year=2027)),
    ("webinar", Q(course__kind="webinar")),
    ("briefing", Q(course__kind="briefing")),
    ("level 3", Q(course__level=3)),
    ("level 1", Q(course__level=1)),
    ("st georges", Q(venue__name__startswith="St George")),
    ("St George's", Q(venue__name__startswith="St George")),
    ("reginald centre", Q(venue__name__startswith="Reginald")),
    ("merrion", Q(venue__name__startswith="Merrion")),
    ("sian prosser", Q(trainers__last_name="Prosser")),
    ("oyelaran", Q(trainers__last_name="Oyelaran")),
    ("kowalczk", Q(trainers__last_name="Kowalczyk")),
]
