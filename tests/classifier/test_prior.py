"""The prior that comes with Greygate: small, of use from the first minute, and outweighed by what people here say."""

import numpy as np
import pytest

from classifier.features import VERSION, Features
from classifier.mail import parse
from classifier.model import Model
from classifier.prior import COLD, FILE, beginning, weights
from classifier.state import Entry, Memory
from tests.classifier.making import NOW, mail

OFFER = b"""From: "Best Rates" <offers@cheap-loans.example>
Subject: Lowest mortgage rates - act now!
MIME-Version: 1.0
Content-Type: text/html

<html><body bgcolor="#FFFFFF"><font color="red" size=6>FREE quote! Click here to save thousands of $$$</font>
<p>This is not spam. To be removed from our mailing list click here to unsubscribe.</body></html>
"""
TALK = b"""From: Justin <jm@developers.example>
To: users@lists.example
Subject: Re: [users] problem with the build
In-Reply-To: <20021003.1@developers.example>
Message-ID: <20021003.2@developers.example>
Content-Type: text/plain; charset=us-ascii

On Thu, Oct 03, 2002 at 10:00:00, Bob wrote:
> I get an error when I compile the kernel module.

That was fixed in CVS yesterday, I think. Which version of the package do you have?
"""


def test_it_takes_no_more_than_two_megabytes() -> None:
    assert FILE.stat().st_size <= 2 * 2**20


def test_it_is_of_the_version_of_features_that_we_have() -> None:
    """Who changes the features makes the prior anew: python -m classifier.bootstrap."""
    assert int(weights()["version"]) == VERSION


def test_it_tells_an_old_offer_from_old_talk() -> None:
    state = beginning()
    assert state.score(Features.of(parse(OFFER))).p > 0.6
    assert state.score(Features.of(parse(TALK))).p < 0.4


def test_it_says_what_it_is_and_claims_no_label_of_ours(tmp_path) -> None:
    model = Model.open(tmp_path)
    assert "old mails" in model.origin
    assert "SpamAssassin" in model.origin
    score = model.score(Features.of(parse(OFFER)))
    assert (score.labels.spam, score.labels.ham) == (0, 0)


def test_without_it_nothing_is_thought() -> None:
    state = beginning(cold=True)
    assert state.origin == COLD
    assert state.score(Features.of(parse(OFFER))).z == 0
    assert not any(one.any() for one in state.arrays.weights.values())


@pytest.mark.parametrize(("data", "is_spam"), [(OFFER, False), (TALK, True)])
def test_a_few_labels_of_people_here_outweigh_it(data: bytes, is_spam: bool) -> None:
    state, memory = beginning(), Memory()
    found = Features.of(parse(data))
    for turn in range(6):
        state.learn(Entry(str(turn), is_spam, found, NOW), memory)
        state.learn(Entry(f"other-{turn}", not is_spam, Features.of(mail(turn, is_spam=not is_spam)), NOW), memory)
    assert (state.score(found).z > 0) is is_spam


def test_two_beginnings_share_nothing() -> None:
    one, other = beginning(), beginning()
    one.arrays.weights["raw"][0] = 99
    assert other.arrays.weights["raw"][0] != 99
    assert not np.shares_memory(one.arrays.spam, other.arrays.spam)
