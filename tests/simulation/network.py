"""What lies between a node and the ledger: calls that wait, get lost, or outlive the node that made them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from rota.clock import SECOND, Clock, Instant
from rota.errors import LedgerUnreachable, Retriable
from tests.simulation.store import Crashed

if TYPE_CHECKING:
    from tests.simulation.nodes import SimNode

__all__ = ["NodeClock", "NodeLedger", "Request", "SimThread", "Sleep"]

DELAY = 30_000  # microseconds at most on the way, mostly far less


class NodeClock:
    """The ledger's clock as a node knows it: behind it by up to a few milliseconds, never ahead."""

    def __init__(self, node: SimNode, behind: int) -> None:
        self._world, self._behind = node.world, behind

    def now(self) -> Instant:
        return Instant(self._world.now() - self._behind)

    def monotonic(self) -> float:
        return self._world.monotonic()


class Request:
    """A call of the ledger, made by a coroutine of a node."""

    def __init__(self, thread: SimThread, work: Callable[[], Any]) -> None:
        self.thread, self.work = thread, work

    def __await__(self) -> Generator[Request, Any, Any]:
        return (yield self)


class Sleep:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __await__(self) -> Generator[Sleep, Any, Any]:
        return (yield self)


class SimThread:
    """Stands for the node's ledger thread: one call after the other."""

    def __init__(self) -> None:
        self.busy = False
        self.waiting: deque[Callable[[], None]] = deque()

    async def __call__(self, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return await Request(self, lambda: method(*args, **kwargs))

    def close(self) -> None:
        """There is no thread to end."""


class NodeLedger:
    """The ledger as one node reaches it. Chance decides what becomes of each call."""

    def __init__(self, node: SimNode, real: Any, clock: Clock) -> None:
        self._node, self._real = node, real
        self.clock = clock

    def now(self) -> Instant:
        return self.clock.now()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._real, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, lambda: method(*args, **kwargs), args)

        return call

    def _call(self, name: str, method: Callable[[], Any], args: tuple[Any, ...]) -> Any:
        node, world = self._node, self._node.world
        fate = world.chance.choice(world.fates) if world.faulty and world.likely(node.unlucky) else "done"
        if fate.startswith("crash") and world.likely(0.6):
            fate = "done"  # crashes are dear: a world of nothing but restarts shows little
        if fate != "done":
            world.hits[f"{fate}: {name}"] += 1
            world.note(f"{node.name} {name}: {fate}")
        if fate == "request lost" or node.cut_off:
            raise _unreachable("nothing was written")
        if fate == "crash before":
            raise Crashed
        if fate == "crash inside":
            self._real.crash_after(world.chance.randrange(5))
        try:
            answer = method()
        finally:
            self._real.crash_no_more()
        node.oracle.saw(node, name, args, answer)
        if fate in ("crash inside", "crash after"):
            raise Crashed
        if fate == "answer lost":
            raise _unreachable("it may be done, or not")
        return answer


def _unreachable(why: str) -> LedgerUnreachable:
    return LedgerUnreachable(
        "the ledger cannot be reached", expected="an answer", found="none", retry=Retriable(True, why, 1.0)
    )


class Activity:
    """One coroutine of a node, driven by the world: it waits for calls and sleeps."""

    def __init__(self, node: SimNode, name: str, work: Coroutine[Any, Any, Any]) -> None:
        self._node, self._name, self._work = node, name, work
        self._turn = 0  # rises with each resumption: a sleep that was cut short does not resume it twice
        self._sleeping = False
        self.over = False
        node.activities.append(self)

    def begin(self) -> None:
        self._resume(lambda: self._work.send(None))

    def wake(self) -> None:
        if self._sleeping:
            self._sleeping = False
            self._turn += 1
            self._node.later(0, self._continue(self._turn, lambda: self._work.send(None)))

    def drop(self) -> None:
        """The process is gone: nothing of this runs any more, not even its ``finally``."""
        self.over = True
        self._turn += 1

    def _continue(self, turn: int, step: Callable[[], Any]) -> Callable[[], None]:
        def go() -> None:
            if not self.over and turn == self._turn:
                self._sleeping = False
                self._resume(step)

        return go

    def _resume(self, step: Callable[[], Any]) -> None:
        try:
            asked = step()
        except StopIteration:
            self.over = True
            return
        except Crashed:
            self._node.crash()
            return
        self._turn += 1
        if isinstance(asked, Sleep):
            self._sleeping = True
            wait = int(asked.seconds * SECOND)
            self._node.later(wait, self._continue(self._turn, lambda: self._work.send(None)))
        elif isinstance(asked, Request):
            self._ask(asked)
        else:  # asyncio.sleep(0)
            self._node.later(0, self._continue(self._turn, lambda: self._work.send(None)))

    def _ask(self, request: Request) -> None:
        """The call travels, is carried out, and its answer travels back; other calls of its thread wait meanwhile."""
        thread, turn, world = request.thread, self._turn, self._node.world

        def arrive() -> None:
            if self._node.is_gone:
                return  # it never left the process
            try:
                answer = request.work()
            except Crashed:
                self._node.crash()
                return
            except Exception as error:
                raised = error
                world.soon(_way(world), lambda: back(lambda: self._work.throw(raised)))
            else:
                world.soon(_way(world), lambda: back(lambda: self._work.send(answer)))

        def back(step: Callable[[], Any]) -> None:
            thread.busy = False
            if thread.waiting:
                thread.waiting.popleft()()
            self._node.later(0, self._continue(turn, step))

        def send() -> None:
            thread.busy = True
            self._node.later(world.chance.randrange(_way(world) + 1), arrive)

        if thread.busy:
            thread.waiting.append(send)
        else:
            send()


def _way(world: Any) -> int:
    return DELAY if world.likely(0.1) else DELAY // 20
