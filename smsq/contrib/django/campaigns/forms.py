"""The form of a campaign in Django's admin.

In:  what a person writes. Out: a text that can be sent, or what is wrong with it.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from smsq.intake.mistakes import MAX_NAME
from smsq.text.layout import compose
from smsq.text.parts import find_text_mistake

_KEY_LENGTH = 32


class CampaignForm(forms.Form):
    """A text for all that are selected, and what makes a second click the same campaign.

    The text that was shown with its costs comes back as `previewed`: another one is shown first.
    """

    name = forms.CharField(
        label=_("Name"), max_length=MAX_NAME, help_text=_("What the campaign is called in lists.")
    )
    text = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"rows": 5, "cols": 60}),
        strip=False,
        help_text=_("The same for everybody."),
    )
    once = forms.CharField(
        widget=forms.HiddenInput, initial=lambda: uuid4().hex, max_length=_KEY_LENGTH
    )
    previewed = forms.CharField(widget=forms.HiddenInput, required=False, strip=False)

    def clean_text(self) -> str:
        """Take the text as it is sent.

        Raises:
            ValidationError: It cannot be sent.
        """
        text = _usual_line_ends(self.cleaned_data["text"])
        if mistake := find_text_mistake(text):
            raise forms.ValidationError(mistake, code="text")
        return text

    def clean_previewed(self) -> str:
        """Take the text that was shown."""
        return _usual_line_ends(self.cleaned_data["previewed"])

    def note_preview(self) -> None:
        """Have the form shown with its text as the one that was previewed."""
        posted: Any = self.data
        self.data: Any = {**posted.dict(), "previewed": self.cleaned_data["text"]}

    @property
    def is_previewed(self) -> bool:
        """Whether just this text was shown with its costs."""
        return bool(self.cleaned_data["previewed"] == self.cleaned_data["text"])


def _usual_line_ends(text: str) -> str:
    """Browsers write two characters for each line's end, and each costs."""
    return compose(text.replace("\r\n", "\n"))
