"""The virtual car as a whole: facts, computers, keys, faults, and the links that are open to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from driveway_bridge.errors import NotReached
from driveway_bridge.proto import MessageFault_E, Role, RoutableMessage
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from driveway_bridge.simulator.car import Car
from driveway_bridge.simulator.computer import Answer, Computer, Onboard
from driveway_bridge.simulator.endpoint import Endpoint
from driveway_bridge.simulator.enrolment import CardEnrolment
from driveway_bridge.simulator.faults import Fault, Faults
from driveway_bridge.simulator.infotainment import Infotainment
from driveway_bridge.simulator.profiles import Profile, randomness
from driveway_bridge.simulator.vehicle_security import TOKEN_SIZE, VehicleSecurity
from driveway_bridge.simulator.whitelist import Entry, Whitelist

PLACES = 3
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256: private scalars are smaller."""


class PlacesTaken(NotReached):
    """The car takes no more links."""

    def __init__(self) -> None:
        super().__init__("places_full")


class VirtualCar:
    """One car; sans-IO: `now` is an argument (seconds, monotonic), events go to `report`."""

    def __init__(
        self,
        vin: str,
        *,
        profile: Profile | None = None,
        seed: int | None = None,
        car: Car | None = None,
        report: Callable[[dict[str, Any]], None] = lambda _event: None,
        places: int = PLACES,
    ) -> None:
        """With a `seed`, all that is random is the same in every run. `report` takes events, made for JSON."""
        self.vin = vin
        self.car = car or Car()
        self.profile = profile or Profile()
        self.whitelist = Whitelist()
        self.faults = Faults()
        self.places = places
        self.endpoints: list[Endpoint] = []
        self._seed = seed
        self._sink = report
        self._pushed = self.car.body()
        self.car.on_change = self.report_state
        if seed is None:
            self.car.unix_s = time.time()
        self.car.lid_s, self.car.idle_sleep_s = self.profile.lid_s, self.profile.idle_sleep_s
        onboard = Onboard(
            vin=vin,
            car=self.car,
            whitelist=self.whitelist,
            faults=self.faults,
            report=self.report,
            key_sync_s=self.profile.key_sync_s,
        )
        self.enrolment = CardEnrolment(onboard, self.profile)
        self._keys = {
            domain: (self._make_key(f"{domain.name} key"), self._make_key(f"{domain.name} other key"))
            for domain in (Domain.VEHICLE_SECURITY, Domain.INFOTAINMENT)
        }
        self.security = VehicleSecurity(
            onboard, self._keys[Domain.VEHICLE_SECURITY][0], randomness(seed, "vehicle security")
        )
        self.infotainment = Infotainment(
            onboard,
            self._keys[Domain.INFOTAINMENT][0],
            randomness(seed, "infotainment"),
            profile=self.profile,
            random_boot=randomness(seed, "starts of infotainment"),
        )
        self.computers: dict[int, Computer] = {
            computer.domain: computer for computer in (self.security, self.infotainment)
        }
        self._draw_idle = randomness(seed, "idle links")
        self._draw_token = randomness(seed, "calls for phones")

    @property
    def public_key(self) -> bytes:
        """The body controller's public key, 65 bytes."""
        return self.security.key.public

    @property
    def places_free(self) -> int:
        """How many more links it takes now."""
        return 0 if Fault.PLACES_FULL in self.faults else max(0, self.places - len(self.endpoints))

    def enrol(self, public: bytes, role: Role = Role.ROLE_DRIVER) -> Entry:
        """Put a key on the whitelist. ValueError when it is no point on the curve or all slots are taken."""
        self.security.key.shared_secret(public)
        return self.whitelist.add(public, role)

    # Links.

    def connect(self, now: float) -> Endpoint:
        """Open a link. Raises PlacesTaken."""
        if not self.places_free:
            raise PlacesTaken
        endpoint = Endpoint(self, now, self._draw_idle)
        self.endpoints.append(endpoint)
        self.report("connected", links=len(self.endpoints), places_free=self.places_free)
        return endpoint

    def disconnect(self, endpoint: Endpoint) -> None:
        """Forget a link that has ended; once is enough, twice is harmless."""
        if endpoint in self.endpoints:
            self.endpoints.remove(endpoint)
            self.report("disconnected", links=len(self.endpoints), places_free=self.places_free)

    def handle(self, request: RoutableMessage, now: float) -> Answer:
        """Pass a request to the computer that it names."""
        self.car.advance(now)
        self.infotainment.follow_sleep(now)
        if request.HasField("signature_data") and self.faults.strikes(Fault.REBOOT_ON_NEXT):
            self.reboot()
        destination = request.to_destination
        if destination.WhichOneof("sub_destination") == "domain" and destination.domain in self.computers:
            answer = self.computers[destination.domain].answer(request, now)
        else:
            # Nobody is there to answer; the body controller, which owns the radio, says so.
            fault = MessageFault_E.MESSAGEFAULT_ERROR_INVALID_DOMAINS
            self.report("refused", fault=MessageFault_E.Name(fault), code=fault)
            answer = Answer([self.security.error(request, fault)])
        return answer

    def call_for_phones(self) -> RoutableMessage:
        """What every link hears about once a second."""
        return self.security.authentication_request(self._draw_token(TOKEN_SIZE))

    def settle(self, now: float) -> None:
        """After anything that may have changed facts: let time act and the computers notice, and tell every link."""
        self.car.advance(now)
        self.enrolment.handle_deadline(now)
        self.infotainment.follow_sleep(now)
        body = self.car.body()
        if body == self._pushed:
            return
        self._pushed = body
        if not self.faults.strikes(Fault.NO_PUSH):
            for endpoint in self.endpoints:
                endpoint.push(self.security.status_push(), now)

    def next_deadline(self) -> float | None:
        """When something happens by itself: call `settle` then."""
        times = (self.car.next_deadline(), self.enrolment.next_deadline())
        return min((time for time in times if time is not None), default=None)

    # What can happen to it.

    def reboot(self) -> None:
        """Restart all computers: their sessions are gone."""
        for computer in self.computers.values():
            computer.reboot()
        self.report("rebooted")

    def switch(self, fault: Fault, *, on: bool, once: bool = False) -> None:
        """Switch a fault."""
        was = fault in self.faults
        self.faults.switch(fault, on=on, once=once)
        if fault is Fault.CHANGED_CAR_KEY and was != on:
            for domain, keys in self._keys.items():
                self.computers[domain].replace_key(keys[on])
        if fault is Fault.INFOTAINMENT_KEY_CHANGED and was != on:
            self.infotainment.replace_key(self._keys[Domain.INFOTAINMENT][on], same_epochs=True)

    # Events.

    def report(self, event: str, /, **facts: Any) -> None:
        """Tell whoever watches."""
        self._sink({"event": event, **facts})

    def report_state(self, by: str) -> None:
        """Tell the facts and who made them so."""
        self.report("state", **self.car.facts(), by=by)

    def _make_key(self, purpose: str) -> PrivateKey:
        if self._seed is None:
            return PrivateKey.generate()
        drawn = int.from_bytes(randomness(self._seed, purpose)(40), "big")
        return PrivateKey.from_scalar((drawn % (_ORDER - 1) + 1).to_bytes(32, "big"))
