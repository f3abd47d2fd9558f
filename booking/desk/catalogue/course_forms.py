"""What coordinators are asked about a course and about a group of practitioners."""

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Q
from django.http import QueryDict

from accounts.models import Level, PractitionerGroup, Sector
from booking.catalogue.courses import PLAIN_FIELDS, CoursePlan
from booking.catalogue.models import CancellationPolicy, Course
from booking.partnership.kept import the_partnership
from booking.site.form_kit import Form, ReminderDaysField, whole_number_field

MOST_PLACES = 5000
_SUMMARY_LENGTH = 4000
_AUDIENCE_LENGTH = 300


def _small_boxes() -> forms.CheckboxSelectMultiple:
    return forms.CheckboxSelectMultiple(attrs={"class": "govuk-checkboxes--small"})


class CourseForm(Form):
    """A whole course, in the sections that the page shows."""

    title = forms.CharField(
        max_length=200,
    )
    code = forms.CharField(
        max_length=20,
        help_text="Short and unique, such as SG1. It stands in addresses and references.",
        validators=[
            RegexValidator(
                r"\A[A-Za-z0-9][A-Za-z0-9_-]*\Z",
                "Use letters, figures and hyphens in the code, no spaces.",
            )
        ],
        widget=forms.TextInput(attrs={"class": "govuk-input--width-10", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(
        choices=Course.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what kind of course it is."},
    )
    level = forms.TypedChoiceField(
        label="Level of the course",
        choices=[(1, "Level 1"), (2, "Level 2"), (3, "Level 3")],
        coerce=int,
    )
    hours = forms.DecimalField(
        label="Length in hours",
        min_value=0,
        max_digits=4,
        decimal_places=1,
        widget=forms.NumberInput(attrs={"class": "govuk-input--width-4", "step": "0.5"}),
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_digits", "max_decimal_places",
             "max_whole_digits"),
            "Length: enter hours, such as 3 or 1.5.",
        ),
    )  # fmt: skip
    summary = forms.CharField(
        label="Summary (optional)",
        required=False,
        max_length=_SUMMARY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    audience = forms.CharField(
        label="Who it is for, in words (optional)",
        required=False,
        max_length=_AUDIENCE_LENGTH,
        help_text="For people to read. It keeps nobody out.",
        error_messages={"max_length": f"Use {_AUDIENCE_LENGTH} characters or fewer."},
    )
    sectors = forms.MultipleChoiceField(
        label="Only for these sectors (optional)",
        choices=Sector.choices,
        required=False,
        widget=_small_boxes(),
        help_text="None chosen means all of them.",
    )
    least_level = forms.TypedChoiceField(
        label="Only for people who work at this level or above (optional)",
        choices=[("", "Any level"), *Level.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    groups = forms.ModelMultipleChoiceField(
        label="Only for members of these groups (optional)",
        queryset=PractitionerGroup.objects.none(),
        required=False,
        widget=_small_boxes(),
        help_text="Members of any of them may book. None chosen means everybody.",
    )
    prerequisites = forms.ModelMultipleChoiceField(
        label="Courses to be done first (optional)",
        queryset=Course.objects.none(),
        required=False,
        widget=_small_boxes(),
        help_text="All that are chosen, here or elsewhere.",
    )
    needs_manager_approval = forms.BooleanField(
        label="The line manager must agree to each booking", required=False
    )
    usual_capacity = whole_number_field("Usual number of places", 1, MOST_PLACES)
    usual_agency_limit = whole_number_field(
        "Most places for one agency (optional)", 1, MOST_PLACES, required=False
    )
    usual_policy = forms.ModelChoiceField(
        label="Rules of cancelling",
        queryset=CancellationPolicy.objects.none(),
        required=False,
        empty_label="Free until the session starts",
    )
    reminder_days = ReminderDaysField()
    remind_hour_before = forms.BooleanField(
        label="Remind an hour before online sessions", required=False
    )
    copies_manager = forms.BooleanField(
        label="Send the line manager a copy of confirmations, changes and cancellations",
        required=False,
    )
    renew_months = whole_number_field(
        "Months after which it is due again (optional)", 1, 120, required=False
    )

    def __init__(self, data: QueryDict | None, *, course: Course | None) -> None:
        source = course or Course(usual_capacity=the_partnership().usual_capacity)
        initial = {name: getattr(source, name) for name in PLAIN_FIELDS}
        initial["usual_policy"] = source.usual_policy_id
        if course:
            initial["groups"] = list(course.groups.values_list("pk", flat=True))
            initial["prerequisites"] = list(course.prerequisites.values_list("pk", flat=True))
        super().__init__(data, initial=initial)
        others = Course.objects.defer("search").exclude(pk=source.pk).order_by("title")
        policies = CancellationPolicy.objects.filter(
            Q(replaced_at__isnull=True) | Q(pk=source.usual_policy_id)
        )
        groups = PractitionerGroup.objects.order_by("name")
        for name, queryset in (
            ("prerequisites", others),
            ("usual_policy", policies.order_by("name", "-version")),
            ("groups", groups),
        ):
            self.fields[name].queryset = queryset  # type: ignore[attr-defined]

    @property
    def plan(self) -> CoursePlan:
        """What was typed, once valid."""
        typed = {name: self.cleaned_data[name] for name in PLAIN_FIELDS}
        return CoursePlan(
            groups=list(self.cleaned_data["groups"]),
            prerequisites=list(self.cleaned_data["prerequisites"]),
            **typed,
        )


class GroupForm(Form):
    """The name of a new group."""

    name = forms.CharField(
        max_length=150, error_messages={"required": "Enter the name of the group."}
    )


class MembersForm(Form):
    """Addresses of people to be added, pasted from anywhere."""

    addresses = forms.CharField(
        label="Add members",
        max_length=20_000,
        help_text="Paste their work email addresses, one a line or with commas between them. Only"
        " people who have signed in before can be added.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        error_messages={
            "required": "Paste at least one address.",
            "max_length": "Paste fewer addresses at once.",
        },
    )
