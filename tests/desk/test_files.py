"""The page that imports and exports the files of a programme."""

from datetime import timedelta
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, Agency, User
from booking.catalogue.importing import uploads
from booking.catalogue.importing.programme import FILES as KINDS
from booking.catalogue.importing.programme import Given
from booking.catalogue.models import Course, ProgrammeUpload, Session
from tests.catalogue.small_programme import FILES
from tests.factories import make_agency, make_claimant, make_coordinator, make_person
from tests.people import signed_in

pytestmark = pytest.mark.django_db
State = ProgrammeUpload.State


@pytest.fixture
def coordinator() -> User:
    return make_coordinator()


@pytest.fixture
def at_desk(coordinator: User) -> Client:
    return signed_in(coordinator)


def send(at_desk: Client, **files: str | bytes) -> Any:
    """Upload files, by their names without the ending."""
    sent = [
        SimpleUploadedFile(f"{name}.csv", it.encode() if isinstance(it, str) else it)
        for name, it in files.items()
    ]
    return at_desk.post(reverse("manage_files"), {"files": sent})


def all_files() -> dict[str, str]:
    return {name.removesuffix(".csv"): content for name, content in FILES.items()}


def worker_works() -> None:
    uploads.work_on_uploads(now=timezone.now())


def imported() -> int:
    """How many agencies of the files are there."""
    return Agency.objects.filter(name__in=("Leeds Police", "City Council")).count()


def shown(at_desk: Client, **asked: str) -> str:
    return str(at_desk.get(reverse("manage_files"), asked).content.decode())


def confirm(at_desk: Client, digest: str = "") -> Any:
    digest = digest or ProgrammeUpload.objects.get().digest
    return at_desk.post(reverse("manage_files_import"), {"digest": digest})


def test_files_are_shown_row_by_row_and_then_written_by_one_press(at_desk: Client) -> None:
    assert send(at_desk, **all_files()).status_code == 302
    waiting = at_desk.get(reverse("manage_files"))
    assert waiting.headers["Refresh"] == "2"
    assert "Your files are being read" in waiting.content.decode()
    worker_works()
    page = at_desk.get(reverse("manage_files"))
    assert "Refresh" not in page.headers
    assert "Import 9 rows" in page.content.decode()
    assert "zoe@police.example" not in shown(at_desk, show="changed")
    assert "Zoe@Police.example" in shown(at_desk, show="new")
    assert not Session.objects.exists()
    assert confirm(at_desk).status_code == 302
    assert "Your files are being imported" in shown(at_desk)
    worker_works()
    assert Session.objects.count() == 2
    assert "Sessions: 2 created, 0 changed, 0 the same" in shown(at_desk)
    upload = ProgrammeUpload.objects.get()
    assert (upload.state, upload.files) == (State.DONE, {})


def test_what_differs_is_shown_before_and_after(at_desk: Client) -> None:
    send(at_desk, **all_files())
    worker_works()
    confirm(at_desk)
    worker_works()
    send(at_desk, agencies=FILES["agencies.csv"].replace(",police,", ",health,"))
    worker_works()
    assert "sector: police becomes health" in shown(at_desk)
    assert "Import 1 row<" in shown(at_desk)


def test_one_fault_keeps_everything_out_and_a_mended_file_is_enough(at_desk: Client) -> None:
    files = all_files()
    send(at_desk, **{**files, "agencies": FILES["agencies.csv"].replace(",police,", ",navy,")})
    worker_works()
    page = shown(at_desk)
    assert "Mend 1 fault" in page
    assert "sector is &quot;navy&quot;" in page
    assert "Import 9 rows" not in page
    confirm(at_desk)
    worker_works()
    assert not imported()
    send(at_desk, agencies=files["agencies"])
    worker_works()
    assert "Import 9 rows" in shown(at_desk)


def test_files_may_come_one_at_a_time_and_under_any_name(at_desk: Client) -> None:
    send(at_desk, **{"Book1 - Sheet2": FILES["agencies.csv"]})
    send(at_desk, Tabelle=FILES["courses.csv"])
    worker_works()
    assert [each["name"] for each in ProgrammeUpload.objects.get().preview["files"]] == [
        "Book1 - Sheet2.csv",
        "Tabelle.csv",
    ]


def test_a_file_that_is_none_of_them_is_refused_and_the_others_are_kept(at_desk: Client) -> None:
    answer = send(at_desk, agencies=FILES["agencies.csv"], holiday=b"\x89PNG\r\n\0\0")
    assert answer.status_code == 422
    assert "holiday.csv is none of the files" in answer.content.decode()
    worker_works()
    assert "Import 2 rows" in shown(at_desk)


@pytest.mark.django_db(transaction=True)
def test_a_first_upload_pressed_twice_is_kept_once() -> None:
    by, now = make_coordinator(), timezone.now()
    is_kept = Event()

    def first_press() -> None:
        with transaction.atomic():
            ProgrammeUpload.objects.create(by=by, at=now)
            is_kept.set()
            sleep(1)
        connection.close()

    first = Thread(target=first_press)
    first.start()
    is_kept.wait()
    files = [Given("agencies.csv", FILES["agencies.csv"].encode())]
    with pytest.raises(uploads.StillBusy):
        uploads.add_files(files=files, by=by, now=now)
    first.join()
    assert ProgrammeUpload.objects.count() == 1


def test_too_much_is_refused_in_a_sentence(at_desk: Client) -> None:
    answer = send(at_desk, agencies=b"x" * (uploads.MOST_BYTES + 1))
    assert answer.status_code == 422
    assert "larger than 5 MB" in answer.content.decode()
    assert not ProgrammeUpload.objects.exists()


def test_more_files_than_there_are_kinds_are_refused_unread(at_desk: Client) -> None:
    """To find out what kind a file is costs up to half a second."""
    many = {f"file{number}": "name,sector" for number in range(len(KINDS) + 1)}
    answer = send(at_desk, **many)
    assert answer.status_code == 422
    assert "one of a kind" in answer.text
    assert not ProgrammeUpload.objects.exists()


@pytest.mark.parametrize(
    "content",
    [b"\0" * 1000, b"name,sector\n" + b"x" * 4_000_000, b"name," * 100_000, b'"', b"\xff"],
)
def test_hostile_files_never_break_the_page(at_desk: Client, content: bytes) -> None:
    assert send(at_desk, agencies=content).status_code == 302
    worker_works()
    assert ProgrammeUpload.objects.get().state == State.SHOWN
    assert "Nothing can be imported yet" in shown(at_desk)


def test_what_changed_meanwhile_is_shown_again_and_nothing_is_written(at_desk: Client) -> None:
    send(at_desk, agencies=FILES["agencies.csv"])
    worker_works()
    confirm(at_desk)
    Agency.objects.create(name="Leeds Police", sector="health")
    worker_works()
    page = shown(at_desk)
    assert "Something has changed on the site since you looked" in page
    assert "sector: health becomes police" in page
    assert Agency.objects.get(name="Leeds Police").sector == "health"
    confirm(at_desk)
    worker_works()
    assert imported() == 2


def test_a_press_for_what_is_not_there_any_more_writes_nothing(at_desk: Client) -> None:
    send(at_desk, agencies=FILES["agencies.csv"])
    worker_works()
    old = ProgrammeUpload.objects.get().digest
    send(at_desk, agencies=FILES["agencies.csv"].replace("Leeds", "Bradford"))
    worker_works()
    answer = at_desk.post(reverse("manage_files_import"), {"digest": old}, follow=True)
    assert "not as they were shown" in answer.content.decode()
    worker_works()
    assert not imported()


def practitioners(*people: User, agency: str = "Leeds Police", job: str = "Officer") -> str:
    """A file of these people."""
    lines = [f"{p.email},{p.first_name},{p.last_name},{job},{agency}," for p in people]
    return "\n".join([FILES["practitioners.csv"].splitlines()[0], *lines]) + "\n"


def test_coordinators_confirm_others_by_a_file_and_never_themselves(
    at_desk: Client, coordinator: User
) -> None:
    agency, claimant = make_agency("Leeds Police"), make_claimant()
    User.objects.update(agency=agency, job_title="Officer")
    User.objects.update(agency_confirmed_at=None)
    send(at_desk, practitioners=practitioners(coordinator, claimant))
    worker_works()
    assert f"{coordinator.email}: Somebody else has to confirm" in shown(at_desk)
    confirm(at_desk)
    worker_works()
    coordinator.refresh_from_db()
    claimant.refresh_from_db()
    assert not coordinator.agency_is_confirmed
    assert (claimant.agency_is_confirmed, claimant.agency_confirmed_by) == (True, coordinator)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"is_trainer": True}, "who has a role, and this row would change their account"),
        ({"is_active": False}, "whose account has ended; leave this row out"),
    ],
)
def test_a_file_changes_nobody_with_a_role_or_an_ended_account(
    at_desk: Client, fields: dict[str, Any], words: str
) -> None:
    person = make_person(agency=make_agency("Leeds Police"), job_title="Officer", **fields)
    send(at_desk, practitioners=practitioners(person))
    worker_works()
    assert words not in shown(at_desk), "it would change nothing"
    send(at_desk, practitioners=practitioners(person, job="Chief"))
    worker_works()
    assert words in shown(at_desk)


def test_nobody_sees_or_imports_the_files_of_somebody_else(at_desk: Client) -> None:
    send(at_desk, agencies=FILES["agencies.csv"])
    worker_works()
    other = signed_in(make_coordinator())
    assert "Leeds Police" not in shown(other)
    confirm(other)
    worker_works()
    assert not imported()


def test_files_are_forgotten_after_two_hours_or_by_a_press(at_desk: Client) -> None:
    send(at_desk, agencies=FILES["agencies.csv"])
    worker_works()
    ProgrammeUpload.objects.update(at=timezone.now() - uploads.KEPT)
    assert "Leeds Police" not in shown(at_desk)
    confirm(at_desk)
    worker_works()
    assert not ProgrammeUpload.objects.exists()
    assert not imported()
    send(at_desk, agencies=FILES["agencies.csv"])
    worker_works()
    at_desk.post(reverse("manage_files_discard"))
    assert not ProgrammeUpload.objects.exists()


def test_an_import_that_breaks_writes_nothing_and_says_so(at_desk: Client) -> None:
    send(at_desk, **all_files())
    worker_works()
    confirm(at_desk)
    ProgrammeUpload.objects.update(files={"agencies.csv": {"name": "damaged"}})
    worker_works()
    assert not Course.objects.exists()
    assert "Something went wrong on our side" in shown(at_desk)


def test_an_import_that_breaks_half_way_leaves_nothing_of_it(at_desk: Client) -> None:
    send(at_desk, **all_files())
    worker_works()
    confirm(at_desk)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION no_disk() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no disk'; END $$;"
            "CREATE TRIGGER no_disk BEFORE INSERT ON booking_sitting"
            " EXECUTE FUNCTION no_disk()"
        )
    worker_works()
    assert not imported()
    assert not Course.objects.exists()
    assert not Session.objects.exists()
    assert "Something went wrong on our side" in shown(at_desk)


def test_an_upload_that_fails_is_tried_less_and_less_often_and_says_so(
    at_desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def locked_out(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(uploads, "_go_on", locked_out)
    send(at_desk, agencies=FILES["agencies.csv"])
    for _ in range(5):
        worker_works()
    assert len(tries) == 1
    assert "That failed, and is tried again in 2 seconds" in shown(at_desk)
    key = ProgrammeUpload.objects.get().pk
    for _ in range(10):
        caches["limits"].delete(f"import-waits:{key}")
        worker_works()
    assert len(tries) == 7
    assert ProgrammeUpload.objects.get().state == State.FAILED
    assert "Something went wrong on our side" in shown(at_desk)


def test_letters_of_windows_are_shown_to_be_checked(at_desk: Client) -> None:
    people = (
        "email,first_name,last_name,job_title,agency,manager_email\n"
        "zoe@police.example,Zoë,O’Neill,Officer,Leeds Police,\n"
    )
    send(at_desk, practitioners=people.encode("cp1252"), agencies=FILES["agencies.csv"])
    worker_works()
    page = shown(at_desk)
    assert "Letters to check (2)" in page
    assert "first_name: Zoë" in page
    assert "last_name: O’Neill" in page


def test_an_export_is_a_file_or_all_of_them_and_goes_on_record(at_desk: Client) -> None:
    Agency.objects.create(name="=Leeds", sector="police")
    answer = at_desk.get(reverse("manage_files_export", args=["agencies.csv"]))
    assert "'=Leeds,police" in answer.content.decode("utf-8-sig")
    assert 'filename="agencies.csv"' in answer.headers["Content-Disposition"]
    record = AccessRecord.objects.latest("pk")
    assert (record.form, record.what) == (AccessRecord.Form.CSV, "export of agencies.csv")
    answer = at_desk.get(reverse("manage_files_export", args=["programme.zip"]))
    assert answer.content.startswith(b"PK")
    assert at_desk.get(reverse("manage_files_export", args=["users.csv"])).status_code == 404


def test_an_import_goes_on_after_a_proof_of_who_asks(at_desk: Client, settings: Any) -> None:
    send(at_desk, agencies=FILES["agencies.csv"])
    worker_works()
    settings.PROOF_SECONDS = 0
    assert "reauthenticate" in confirm(at_desk).headers["Location"]
    assert ProgrammeUpload.objects.get().state == State.SHOWN


def test_two_workers_do_not_import_the_same_files_twice(at_desk: Client) -> None:
    send(at_desk, agencies=FILES["agencies.csv"])
    worker_works()
    confirm(at_desk)
    worker_works()
    worker_works()
    assert imported() == 2
    assert timezone.now() - ProgrammeUpload.objects.get().at < timedelta(minutes=1)


def test_a_workbook_is_refused_with_how_to_save_it_and_an_empty_file_by_its_name(
    at_desk: Client,
) -> None:
    workbook = SimpleUploadedFile("programme.xlsx", b"PK\x03\x04" + b"x" * 50)
    answer = at_desk.post(reverse("manage_files"), {"files": [workbook]})
    said = "programme.xlsx is a workbook or a zip file, not a CSV file; save it as CSV UTF-8"
    assert said in answer.text
    assert "venues.csv is empty. Choose another." in send(at_desk, venues="").text
    assert "its first line must have the names of" in send(at_desk, holiday="a,b\n1,2\n").text


def test_a_new_session_is_shown_as_it_was_read_with_days_on_which_few_come(
    at_desk: Client,
) -> None:
    files = all_files()
    header, first, *_ = files["sessions"].splitlines()
    assert "2027-02-09T09:30/2027-02-09T12:30" in first
    files["sessions"] = f"{header}\n{first.replace('2027-02-09T', '25/12/2028 ')}\n"
    send(at_desk, **files)
    worker_works()
    page = at_desk.get(reverse("manage_files"), {"show": "new"}).text
    assert "Monday 25 December 2028, 9:30am to 12:30pm" in page
    assert "Mon 25 Dec 2028: Christmas Day." in page
    assert "Civic Hall, Room 2, a new venue" in page
