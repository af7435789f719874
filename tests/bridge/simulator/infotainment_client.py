"""The raw client's other half: actions and answers of infotainment."""

from __future__ import annotations

from typing import Any

from driveway_bridge.proto import Action, MessageFault_E, Response, Role, RoutableMessage, car_server
from driveway_bridge.protocol.domain import Domain
from driveway_bridge.protocol.keys import PrivateKey
from tests.bridge.simulator.raw_client import Bench, RawClient


def fault_name(reply: RoutableMessage) -> str:
    return MessageFault_E.Name(reply.signedMessageStatus.signed_message_fault).removeprefix("MESSAGEFAULT_ERROR_")


class Driver:
    """A key with a session to infotainment, on a bench."""

    def __init__(self, bench: Bench, role: Role = Role.ROLE_DRIVER) -> None:
        self.bench = bench
        self.client = RawClient(PrivateKey.generate(), domain=Domain.INFOTAINMENT)
        bench.virtual.enrol(self.client.key.public, role)
        bench.start_session(self.client)

    def send(self, **action: Any) -> RoutableMessage:
        """Ask for an action, by its name in the messages; gives the reply as it comes."""
        self.client.clock = int(self.bench.now - 1000)
        self.request = self.client.signed(
            Action(vehicleAction=car_server.VehicleAction(**action)).SerializeToString(), expires_at=0x3FFFFFFF
        )
        return self.bench.one(self.request)

    def act(self, **action: Any) -> Response:
        """Ask for an action; gives the answer."""
        reply = self.send(**action)
        assert not reply.HasField("signedMessageStatus"), fault_name(reply)
        return Response.FromString(self.client.open(reply, self.request))

    def reason(self, **action: Any) -> str:
        """Ask for an action that is refused; gives the reason."""
        status = self.act(**action).actionStatus
        assert status.result == 1
        return status.result_reason.plain_text

    def done(self, **action: Any) -> None:
        """Ask for an action that is done, which is told in two bytes."""
        assert self.act(**action).SerializeToString() == b"\x0a\x00"

    def read(self, category: str) -> Any:
        """Ask for a category by its name in the answer, such as charge_state."""
        name = "get" + "".join(part.capitalize() for part in category.split("_"))
        request = car_server.GetVehicleData()
        getattr(request, name).SetInParent()
        data = self.act(getVehicleData=request).vehicleData
        assert [field.name for field, _ in data.ListFields()] == [category]
        return getattr(data, category)
