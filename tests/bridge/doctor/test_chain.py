"""Walking along a chain: who waits for whom, who is skipped for whose sake, and that it comes to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from driveway_bridge.doctor.chain import Check, Examined, first_broken, walk
from driveway_bridge.doctor.finding import Finding, State, broken, ok, skipped, warning
from driveway_bridge.errors import NotReached
from tests.bridge.doctor.street import Audience

Looks = dict[str, Finding | Exception | asyncio.Event | None]


def check(
    name: str, look: Finding | Exception | Callable[[], object], needs: str = "", after: str = "", within_s: float = 5.0
) -> Check:
    async def examine(tell: Callable[[str], None]) -> Finding:
        tell("looking")
        if isinstance(look, Exception):
            raise look
        if isinstance(look, Finding):
            return look
        made = look()
        if asyncio.iscoroutine(made):
            await made
        return ok("fine")

    return Check(
        name=name,
        title=name.upper(),
        examine=examine,
        within_s=within_s,
        needs=tuple(needs.split()),
        after=tuple(after.split()),
    )


async def states(*checks: Check, within_s: float = 45.0) -> dict[str, tuple[State, str | None]]:
    examined = await walk(checks, Audience(), within_s=within_s)
    assert [one.check for one in examined] == list(checks)
    return {one.check.name: (one.finding.state, one.finding.because) for one in examined}


async def test_what_builds_on_a_broken_link_is_skipped_and_blames_the_root() -> None:
    found = await states(
        check("a", ok("")), check("b", broken("no", "mend"), "a"), check("c", ok(""), "b"), check("d", ok(""), "c"),
        check("e", ok(""), "a"),
    )  # fmt: skip
    assert found == {
        "a": (State.OK, None),
        "b": (State.BROKEN, None),
        "c": (State.SKIPPED, "b"),
        "d": (State.SKIPPED, "b"),
        "e": (State.OK, None),
    }


async def test_a_warning_lets_the_chain_go_on() -> None:
    found = await states(check("a", warning("hm", "look")), check("b", ok(""), "a"))
    assert found["b"] == (State.OK, None)


async def test_what_only_goes_first_may_be_broken() -> None:
    order: list[str] = []
    found = await states(
        check("late", lambda: order.append("late"), after="early"),
        check("early", broken("no", "mend")),
        check("other", ok(""), needs="not_in_this_chain"),
    )
    assert found["late"] == found["other"] == (State.OK, None)
    assert order == ["late"]


async def test_a_link_that_skips_itself_is_rooted_too() -> None:
    found = await states(check("a", broken("no", "mend")), check("b", ok(""), "a"), check("c", skipped("b"), after="b"))
    assert found["c"] == (State.SKIPPED, "a")


async def test_independent_links_are_looked_at_side_by_side() -> None:
    met = asyncio.Barrier(2)
    assert set(await states(check("a", met.wait), check("b", met.wait))) == {"a", "b"}


@pytest.mark.parametrize("limits", [{"within_s": 0.05}, {"total": 0.05}])
async def test_a_link_that_hangs_does_not_hold_up_the_rest(limits: dict[str, float]) -> None:
    hung = check("hung", asyncio.Event().wait, within_s=limits.get("within_s", 5.0))
    async with asyncio.timeout(4):
        found = await states(hung, check("next", ok(""), after="hung"), within_s=limits.get("total", 45.0))
    assert found["hung"][0] is State.BROKEN
    assert found["next"][0] is (State.BROKEN if "total" in limits else State.OK)


async def test_an_error_with_a_reason_is_a_finding_and_any_other_is_a_mistake() -> None:
    examined = await walk([check("a", NotReached("no_adapter", "hci7"))], Audience())
    assert examined[0].finding.reason == "no_adapter"
    assert "hci7" in examined[0].finding.found
    with pytest.raises(ExceptionGroup):
        await walk([check("a", ZeroDivisionError())], Audience())


async def test_who_watches_hears_of_everything() -> None:
    ended: list[Examined] = []

    class Watching(Audience):
        def ended(self, examined: Examined) -> None:
            ended.append(examined)

    audience = Watching()
    examined = await walk([check("a", broken("no", "mend")), check("b", ok(""), "a")], audience)
    assert audience.planned_names == ["a", "b"]
    assert audience.texts == [("a", ""), ("a", "looking")]
    assert ended == examined
    first = first_broken(examined)
    assert first is not None
    assert first.check.name == "a"
