"""Room among the requests that are being answered: who is let in, who waits, and whose request makes way."""

import asyncio
import time
from collections import Counter

import gradio as gr

from ..texts import Refused
from .service import Service
from .visitors import Visitor

EACH = 16  # requests of one visitor, or of all without a page at one address, that are being answered
ALL = 200
RESERVED = 40  # places among these for visitors of whose requests fewer are being answered than
FEW = 2
UNREAD = 64  # answers of one visitor that wait to be read
ROOM_WITHIN = 8.0  # seconds that a request waits for room before it is refused
GRACE = 1.0  # seconds in which whoever has asked may begin to listen before others take the room


class Room:
    """The places of one page."""

    def __init__(self, page: gr.Blocks, service: Service) -> None:
        self._page = page
        self._service = service
        self.waiting = 0  # requests that wait for room
        self.entering: list[Visitor] = []  # whose requests have room and are on their way to Gradio's queue

    async def admit(self, visitor: Visitor) -> None:
        """Wait a little for room among the requests that are being answered. Raises Refused where there is none."""
        until = time.monotonic() + ROOM_WITHIN
        while not self.has_room(visitor):
            if time.monotonic() > until or self.waiting >= ALL:
                raise Refused("refused.hurry")
            self.waiting += 1
            try:
                await asyncio.sleep(0.1)
            finally:
                self.waiting -= 1
        visitor.asked = time.monotonic()
        self.entering.append(visitor)

    def has_room(self, visitor: Visitor) -> bool:
        """Whether there is room for one more request of the visitor's.

        Where there is none, one makes room that nobody listens to or, for who has few, one of whoever has most.
        """
        queue = self._page._queue
        asking = {name: self._of(event.session_hash) for name, event in list(queue.event_ids_to_events.items())}
        own = [name for name, other in asking.items() if other.key == visitor.key]
        mine = len(own) + sum(other.key == visitor.key for other in self.entering)
        everybody = len(asking) + len(self.entering)
        if mine >= EACH or self._unread(visitor) >= UNREAD:
            self._give_up(asking, own)
        elif everybody >= ALL:
            if not self._give_up(asking, list(asking)):
                self._give_up_newest(asking, visitor, mine)
        elif everybody < ALL - RESERVED or mine < FEW:
            return True
        return False

    def _unread(self, visitor: Visitor) -> int:
        """How many answers wait to be read by whoever is counted like the visitor."""
        pending = list(self._page._queue.pending_event_ids_session.items())
        return sum(len(names) for session, names in pending if self._of(session).key == visitor.key)

    def _give_up(self, asking: dict[str, Visitor], names: list[str]) -> bool:
        """Cancel the first of the requests called `names` that nobody listens to, where there is one."""
        for name in names:
            other = asking[name]
            if name not in other.cancelled and not other.streams and time.monotonic() - other.asked > GRACE:
                return self._cancelled(other, name)
        return False

    def _give_up_newest(self, asking: dict[str, Visitor], visitor: Visitor, mine: int) -> None:
        """Cancel the newest request of whoever has most, at the address that has most, for one more of the visitor's.

        Only if that is more than `mine`, or if the address is another one and takes more than half of all places.
        """
        left = {name: other for name, other in asking.items() if name not in other.cancelled}
        addresses = Counter(other.address for other in left.values())
        keys = Counter(other.key for other in left.values())
        if not left:
            return
        name = max(reversed(left), key=lambda name: (addresses[left[name].address], keys[left[name].key]))
        elsewhere = left[name].address != visitor.address and addresses[left[name].address] > ALL // 2
        if elsewhere or keys[left[name].key] > mine + 1:
            self._cancelled(left[name], name)

    def _of(self, session: str) -> Visitor:
        """The visit of that name, or a stand-in."""
        return self._service.visitors.find(session) or Visitor(session)

    def _cancelled(self, visitor: Visitor, name: str) -> bool:
        """Have nothing more of the visitor's request `name` begun."""
        visitor.cancelled.add(name)
        self._service.forget_unheard()
        return True
