from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from annotations.models import Project, User


class FirstAdministratorForm(forms.Form):
    username = forms.CharField(max_length=150, validators=[User.username_validator])
    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False)
    password_again = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False, label="Password again"
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        if "password" in fields and fields["password"] != fields.get("password_again"):
            self.add_error("password_again", "The two passwords differ.")
        return fields


class ProjectSettingsForm(forms.ModelForm[Project]):
    """What a manager may set of a Project that is under way."""

    class Meta:
        model = Project
        fields = ["name", "description", "arm", "display_check_policy"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "arm": "Before submission nothing is shown, whatever is set here. What is corrected after feedback "
            "counts in no consensus.",
            "display_check_policy": "One minute, before the first case of a day on each screen. Its result is stored "
            "with the readings in any case.",
        }


class ProjectForm(forms.ModelForm[Project]):
    class Meta:
        model = Project
        fields = ["name", "slug", "description", "overlap"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"slug": "Short name in addresses, for instance ct-dose."}
