"""What is amiss, as it is noted: by what it is known while its words change."""

from gateway.store.alerts import Seen
from gateway.vitals.trouble import Trouble


def seen(one: Trouble, node: str) -> Seen:
    return Seen(one.kind, one.about, node if one.is_ours else "", one.words, one.is_grave)
