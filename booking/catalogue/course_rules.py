"""What a course asks of the people who book it, as its sessions are read together with it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class CourseRules:
    """Whom a course is for and what it asks for first; keys are those of groups and courses."""

    needs_manager_approval: bool = False
    copies_manager: bool = False
    sectors: tuple[str, ...] = ()
    least_level: int | None = None
    groups: frozenset[int] = field(default_factory=frozenset)
    prerequisites: frozenset[int] = field(default_factory=frozenset)
