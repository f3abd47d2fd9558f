"""A small programme as CSV files, for the tests of the import."""

from collections.abc import Callable
from datetime import UTC, datetime

from booking.catalogue.importing.programme import Report

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
COURSE_HEADER = (
    "code,title,kind,level,audience,hours,sittings,capacity,per_agency_limit,renew_months,"
    "manager_approval,prerequisite,summary"
)
SESSION_HEADER = (
    "reference,course_code,sittings,delivery,venue,address,join_url,capacity,per_agency_limit,"
    "trainer_email"
)
FILES = {
    "agencies.csv": (
        "name,sector,email_domains,trainers_in_kind\n"
        "Leeds Police,police,police.example,yes\n"
        "City Council,local authority,council.example;youth.example,no\n"
    ),
    "courses.csv": (
        f"{COURSE_HEADER}\n"
        "INTRO,Introduction,training,1,Everybody,3,1,24,6,36,no,,First steps.\n"
        "WT,Working Together,training,3,Leads,6,2,20,0,0,yes,INTRO,Two half days.\n"
    ),
    "practitioners.csv": (
        "email,first_name,last_name,job_title,agency,manager_email\n"
        "Zoe@Police.example,Zoë,Nguyễn,Officer,Leeds Police,boss@police.example\n"
        "ann@council.example,Ann,Lee,Social worker,City Council,\n"
    ),
    "sessions.csv": (
        f"{SESSION_HEADER}\n"
        "S1,INTRO,2027-02-09T09:30/2027-02-09T12:30,in person,"
        '"Civic Hall, Room 2","1 Calverley Street, Leeds",,24,6,jo.smith@police.example\n'
        "S2,WT,2027-07-13T09:30/2027-07-13T12:30;2027-07-06T09:30/2027-07-06T12:30,online,,,"
        "https://meet.example/wt,20,0,ann@council.example\n"
    ),
    "diary_dates.csv": "title,starts,ends\nSafer Internet Day,2027-02-09,2027-02-09\n",
}

Load = Callable[..., Report]


def session_line(**cells: str) -> str:
    usual = {
        "reference": "S9",
        "course_code": "INTRO",
        "sittings": "2027-02-09T09:30/2027-02-09T12:30",
        "delivery": "online",
        "venue": "",
        "address": "",
        "join_url": "https://meet.example/9",
        "capacity": "10",
        "per_agency_limit": "0",
        "trainer_email": "",
    }
    return ",".join(f'"{cell}"' for cell in {**usual, **cells}.values())


def sessions_file(*lines: str) -> str:
    return "\n".join([SESSION_HEADER, *lines]) + "\n"
