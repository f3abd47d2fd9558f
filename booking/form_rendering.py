"""How Django draws a form here: with the markup of the design system.

`templates/forms/` holds the form and the field with its label, hint and error;
`templates/django/forms/widgets/` replaces Django's own controls, so that `{{ form }}` and
`{{ form.email.as_field_group }}` need no help from the Python of a form.
"""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Looks for form templates among the project's own."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"
