"""Why something is not done: the one base of every refusal, in words that a person reads."""


class Refused(Exception):
    """An action was refused. `sentence` says why; `instead` says what the person can do."""

    sentence = "That cannot be done."
    instead = ""
    # The sentence for somebody who acts for another person, where it differs.
    of_another = ""
    # The name of the rule that refused, where it is one of those that decide who gets a place.
    rule = ""
    # The field of a form that it is about, where there is one.
    field = ""

    def __init__(self, sentence: str = "", instead: str = "") -> None:
        if sentence:
            self.sentence, self.instead = sentence, instead

    def __str__(self) -> str:
        return self.sentence

    @property
    def about_another(self) -> str:
        """The sentence for somebody who acts for another person."""
        return self.of_another or self.sentence

    @property
    def with_instead(self) -> str:
        """What there is to say in one line, as beside a field of a form."""
        return f"{self.sentence} {self.instead}".strip()
