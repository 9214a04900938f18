from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from annotations.models import Project, User

LABELS = {"name": _("Name"), "slug": _("Slug"), "description": _("Description"), "overlap": _("Overlap")}


class FirstAdministratorForm(forms.Form):
    username = forms.CharField(max_length=150, label=_("Username"), validators=[User.username_validator])
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False, label=_("Password")
    )
    password_again = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False, label=_("Password again")
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        if "password" in fields and fields["password"] != fields.get("password_again"):
            self.add_error("password_again", _("The two passwords differ."))
        return fields


class ProjectSettingsForm(forms.ModelForm[Project]):
    """What a manager may set of a Project that is under way."""

    class Meta:
        model = Project
        fields = ["name", "description", "arm", "display_check_policy"]
        labels = LABELS
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "arm": _(
                "Before submission nothing is shown, whatever is set here. What is corrected after feedback "
                "counts in no consensus."
            ),
            "display_check_policy": _(
                "One minute, before the first case of a day on each screen. Its result is stored "
                "with the readings in any case."
            ),
        }


class ProjectForm(forms.ModelForm[Project]):
    class Meta:
        model = Project
        fields = ["name", "slug", "description", "overlap"]
        labels = LABELS
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"slug": _("Short name in addresses, for instance ct-dose.")}
