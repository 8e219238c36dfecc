"""Topics are built from checked names and parsed strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import topics
from protocols.errors import IdError, MessageError
from protocols.ids import dock_id
from protocols.topics import DockTopic, FromDock, ToDock

DOCK = dock_id("dock7")


@pytest.mark.parametrize(
    ("topic", "parsed"),
    [
        (topics.from_dock(DOCK, FromDock.HEAD), DockTopic(DOCK, FromDock.HEAD)),
        (topics.from_dock(DOCK, FromDock.STATE), DockTopic(DOCK, FromDock.STATE)),
        (topics.to_worker(DOCK, FromDock.LEDGER, "w1"), DockTopic(DOCK, FromDock.LEDGER, "w1")),
        (topics.to_worker(DOCK, FromDock.NACK, "w1"), DockTopic(DOCK, FromDock.NACK, "w1")),
        (
            topics.clip_bytes(DOCK, FromDock.PART, "w1", epoch=1, seq=2, offset=3),
            DockTopic(DOCK, FromDock.PART, "w1", 1, 2, 3),
        ),
        (
            topics.clip_bytes(DOCK, FromDock.LEAVES, "w1", epoch=0, seq=0, offset=0),
            DockTopic(DOCK, FromDock.LEAVES, "w1", 0, 0, 0),
        ),
    ],
)
def test_a_docks_topic_reads_back_as_built(topic: str, parsed: DockTopic) -> None:
    assert topics.parse_from_dock(topic) == parsed


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "evidock/1/dock",
        "evidock/1/dock/dock7",
        "evidock/2/dock/dock7/head",
        "evidock/1/dock/Dock7/head",
        "evidock/1/dock/dock7/head/extra",
        "evidock/1/dock/dock7/gossip",
        "evidock/1/dock/dock7/ledger",
        "evidock/1/dock/dock7/ledger/W",
        "evidock/1/dock/dock7/part/w/1/2",
        "evidock/1/dock/dock7/part/w/1/2/3/4",
        "evidock/1/dock/dock7/part/w/1/2/-3",
        "evidock/1/dock/dock7/part/w/1/2/03",
        "evidock/1/dock/dock7/part/w/1/2/99999999999999999999",
    ],
)
def test_a_foreign_topic_is_refused(topic: str) -> None:
    with pytest.raises(MessageError):
        topics.parse_from_dock(topic)


@pytest.mark.parametrize("kind", list(ToDock))
def test_a_topic_to_a_dock_reads_back_as_built(kind: ToDock) -> None:
    assert topics.parse_to_dock(topics.to_dock(DOCK, kind), DOCK) is kind


@pytest.mark.parametrize(
    "topic", ["evidock/1/gate/dock8/pull", "evidock/1/gate/dock7/push", "evidock/1/gate/dock7"]
)
def test_a_topic_to_somebody_else_is_refused(topic: str) -> None:
    with pytest.raises(MessageError):
        topics.parse_to_dock(topic, DOCK)


def test_subscriptions_stay_inside_the_fence() -> None:
    assert topics.dock_subscription(DOCK) == "evidock/1/gate/dock7/+"
    assert all(t.startswith("evidock/1/dock/+/") for t in topics.worker_subscriptions("w1"))


def test_a_worker_speaks_to_itself_where_no_dock_reads_or_writes() -> None:
    assert topics.worker_echo("w1") == "evidock/1/gate-worker/w1/echo"
    with pytest.raises(IdError):
        topics.worker_echo("+")


@pytest.mark.parametrize("worker", ["", "+", "#", "a/b", "W", "w" * 32])
def test_a_worker_name_with_syntax_in_it_is_refused(worker: str) -> None:
    with pytest.raises(IdError):
        topics.to_worker(DOCK, FromDock.LEDGER, worker)


@given(st.text(max_size=80))
def test_random_topics_raise_nothing_but_a_message_error(topic: str) -> None:
    with pytest.raises(MessageError):
        topics.parse_from_dock(topic)
