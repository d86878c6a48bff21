"""Who is here: every visit by the name that its browser gave it (Gradio's session hash), and who listens to it.

A name is free to invent and a school shares one address, so neither is trusted alone. A browser that has been given a
cookie is the only one that may speak for its visit. A visit with an open heartbeat, as every open page has, counts for
itself; whoever has none is counted with all others at the same address.
"""

import threading
import time
from dataclasses import dataclass, field

from ..texts import Refused

PATIENCE = 10.0  # seconds that a page's visit, or work for it, outlives its last connection or question
KEPT = 3600.0  # seconds that a visit that has ended is remembered, without what it brought, in case its page comes back
MOST = 1000  # visits
MOST_AT_ADDRESS = 300  # of those that are here


@dataclass(eq=False)
class Visitor:
    """A visit: its name, where it comes from, the cookie it must show, and the connections that are open for it."""

    session: str
    address: str = ""
    cookie: str | None = None
    heartbeats: int = 0  # connections that an open page holds
    streams: int = 0  # connections on which answers are awaited
    has_page: bool = False
    ended: bool = False
    cancelled: set[str] = field(default_factory=set)  # names of requests
    asked: float = -KEPT  # when it last asked for something
    left: float = -KEPT  # when it last closed a connection

    @property
    def key(self) -> str:
        """Whom its work and its pictures are counted against."""
        return f"visit {self.session}" if self.heartbeats else f"address {self.address}"

    def listening(self) -> bool:
        """Whether somebody waits for answers, or has asked just now and will; an open page may also come back."""
        if self.streams:
            return True
        since = max(self.asked, self.left) if self.has_page else self.asked if self.asked > self.left else -KEPT
        return time.monotonic() - since < PATIENCE

    def here(self) -> bool:
        """Whether the visit goes on."""
        return self.heartbeats > 0 or self.listening()

    @property
    def idle(self) -> float:
        """Seconds since it asked for something or closed a connection."""
        return time.monotonic() - max(self.asked, self.left)


@dataclass(frozen=True)
class Call:
    """One request of a visitor's, by the name that Gradio gave it."""

    visitor: Visitor
    name: str | None = None

    @property
    def key(self) -> str:
        return self.visitor.key

    @property
    def place(self) -> str:
        return f"at {self.visitor.address}"

    def listening(self) -> bool:
        return self.name not in self.visitor.cancelled and self.visitor.listening()


class Visitors:
    """All visits that are remembered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Visitor] = {}  # those heard of last come last

    def find(self, session: str | None) -> Visitor | None:
        """The visit of that name, where there is one."""
        return self._known.get(session) if session else None

    def meet(self, session: str, address: str, cookie: str | None = None) -> Visitor:
        """The visit of that name, new or known.

        Raises Refused for one of another browser's, and where there are too many.
        """
        with self._lock:
            visitor = self._known.pop(session, None)
            if visitor is None:
                self._make_room(address)
                visitor = Visitor(session, address, cookie)
            self._known[session] = visitor
            if visitor.cookie is not None and visitor.cookie != cookie:
                raise Refused("refused.stranger")
            visitor.ended = False
            return visitor

    def _make_room(self, address: str) -> None:
        here = [visitor for visitor in self._known.values() if visitor.here()]
        if sum(visitor.address == address for visitor in here) >= MOST_AT_ADDRESS or len(here) >= MOST:
            raise Refused("refused.crowded")

    def with_page(self) -> set[str]:
        """The names of the visits whose page is open."""
        with self._lock:
            return {visitor.session for visitor in self._known.values() if visitor.heartbeats}

    def look(self) -> tuple[list[Visitor], list[Visitor]]:
        """The visits that have ended since the last look, and those that are now forgotten for good."""
        with self._lock:
            ended = [visitor for visitor in self._known.values() if not visitor.ended and not visitor.here()]
            for visitor in ended:
                visitor.ended = True
            over = [visitor for visitor in self._known.values() if visitor.ended]
            surplus = max(0, len(self._known) - MOST)
            forgotten = over[:surplus]
            forgotten += [visitor for visitor in over[surplus:] if visitor.idle > KEPT * visitor.has_page]
            for visitor in forgotten:
                del self._known[visitor.session]
            return ended, forgotten
