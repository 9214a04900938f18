from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from annotations.models import Hanging, Project, User

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
        fields = [
            "name",
            "description",
            "arm",
            "display_check_policy",
            "is_prior_shown",
            "repeat_share",
            "repeat_distance",
        ]
        labels = LABELS
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "repeat_share": forms.NumberInput(attrs={"min": 0, "max": 0.5, "step": 0.01}),
        }
        help_texts = {
            "arm": _(
                "Before submission nothing is shown, whatever is set here. What is corrected after feedback "
                "counts in no consensus."
            ),
            "display_check_policy": _(
                "One minute, before the first case of a day on each screen. Its result is stored "
                "with the readings in any case."
            ),
            "is_prior_shown": _(
                "A reader may compare a case with an earlier image of the same patient and modality in "
                "this project: only with one that they have read, and nothing that was said of it is shown."
            ),
            "repeat_share": _(
                "Share of a reader's cases that they are given once more, 0 to 0.5; 0.1 is one in ten. Nothing tells "
                "them which. Only in a blind project, and only to who can see neither predictions nor others' readings."
            ),
            "repeat_distance": _("So many other cases at least lie between a case and its repeat."),
        }


class HangingForm(forms.ModelForm[Hanging]):
    class Meta:
        model = Hanging
        fields = [
            "modality",
            "view",
            "layout",
            "window",
            "fit",
            "first_slice",
            "rotation",
            "is_flipped_horizontally",
            "is_flipped_vertically",
        ]

    def clean_modality(self) -> str:
        return str(self.cleaned_data["modality"]).upper()

    def clean_view(self) -> str:
        return str(self.cleaned_data["view"]).upper()

    def clean(self) -> dict[str, Any]:
        """Against lines that another manager added meanwhile; those of one form are held against each other by it."""
        fields = super().clean() or {}
        same = Hanging.objects.filter(
            project=self.instance.project_id, modality=fields.get("modality"), view=fields.get("view")
        )
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a line for this modality and view already."))
        return fields


HangingLines = forms.inlineformset_factory(Project, Hanging, form=HangingForm, extra=1, max_num=50)


class ProjectForm(forms.ModelForm[Project]):
    class Meta:
        model = Project
        fields = ["name", "slug", "description", "overlap"]
        labels = LABELS
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"slug": _("Short name in addresses, for instance ct-dose.")}
