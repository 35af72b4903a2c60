import pytest
import trio

from actors.mailbox import MAX_BATCH, Mailbox, MailboxFull, Newest


async def test_messages_come_in_their_order_and_all_that_wait_at_once(autojump_clock):
    mailbox = Mailbox[int]("numbers", 8)
    for number in range(3):
        mailbox.put(number)

    assert len(mailbox) == 3
    assert await mailbox.take() == [0, 1, 2]
    assert mailbox.take_nowait() == []


async def test_a_batch_is_bounded(autojump_clock):
    mailbox = Mailbox[int]("numbers", MAX_BATCH + 2)
    for number in range(MAX_BATCH + 2):
        mailbox.put(number)

    assert len(await mailbox.take()) == MAX_BATCH
    assert await mailbox.take(limit=1) == [MAX_BATCH]
    assert mailbox.take_nowait() == [MAX_BATCH + 1]


async def test_full_is_told_to_who_offers_and_raised_to_who_puts(autojump_clock):
    mailbox = Mailbox[int]("numbers", 1)

    assert mailbox.offer(1)
    assert not mailbox.offer(2)
    with pytest.raises(MailboxFull, match="numbers: 1 messages wait"):
        mailbox.put(3)
    assert mailbox.take_nowait() == [1]


async def test_the_reader_ends_once_it_has_taken_what_is_left(autojump_clock):
    mailbox = Mailbox[int]("numbers", 8)
    mailbox.put(1)
    mailbox.close()

    assert await mailbox.take() == [1]
    with pytest.raises(trio.EndOfChannel):
        await mailbox.take()
    assert mailbox.take_nowait() == []


async def test_the_newest_value_of_each_key_is_kept(autojump_clock):
    newest = Newest[str, int]()
    newest.put("a", 1)
    newest.put("b", 2)
    newest.put("a", 3)

    assert newest.peek("a") == 3
    assert newest.peek("c") is None
    assert await newest.take() == {"a": 3, "b": 2}
    assert newest.conflated == 1
    assert newest.take_nowait() == {}


async def test_the_newest_waits_until_there_is_something(autojump_clock):
    newest = Newest[str, int]()

    with trio.move_on_after(1) as nothing:
        await newest.take()

    assert nothing.cancelled_caught
