"""What a course asks of the people who book it, as its sessions are read together with it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class CourseRules:
    """Whom a course is for and what it asks for first; keys are those of groups and courses.

    Their names come with them, so that it costs no statement to tell one more person of a rule.
    """

    needs_manager_approval: bool = False
    copies_manager: bool = False
    sectors: tuple[str, ...] = ()
    least_level: int | None = None
    groups: frozenset[int] = field(default_factory=frozenset)
    group_names: tuple[str, ...] = ()
    prerequisites: frozenset[int] = field(default_factory=frozenset)
    prerequisite_titles: tuple[tuple[int, str], ...] = ()
