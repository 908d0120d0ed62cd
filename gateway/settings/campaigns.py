"""The section about campaigns: when what mails of strangers have in common speaks against them."""

from pydantic import Field

from gateway.settings.listening import Section
from gateway.settings.shapes import Domains, Flag, Number


class CampaignSettings(Section):
    """Mails of different strangers with one link or one text; docs/campaigns.md tells how they are counted."""

    enabled: Flag = Field(default=True, description="Whether links and texts of strangers are compared at all.")
    learn_until: Number = Field(
        default=2000, ge=0, description="How many accepted mails teach what is usual here before anything counts."
    )
    suspect: Number = Field(
        default=3, ge=2, le=400, description="From how many independent sources within a day on a link is suspicious."
    )
    suspect_text: Number = Field(default=3, ge=2, le=400, description="The same for a text.")
    confirm: Number = Field(
        default=3, ge=2, le=400, description="With how many sources within a week a person's refusal confirms it."
    )
    popular: Number = Field(
        default=1, ge=1, le=90, description="On how many days, in mail of known senders, makes a link usual."
    )
    popular_quiet: Number = Field(
        default=3, ge=1, le=90, description="The same for mail of senders that are only remembered."
    )
    neutral: Domains = Field(
        default=(), description="Domains to which a link says nothing, beside those that everybody links to."
    )
