"""Repairs that can be begun from here: a car that has dropped the key is paired again."""

from typing import Any

import probatio
from homeassistant.components.repairs import FlowType, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import SOURCE_RECONFIGURE, SubentryFlowContext
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import CONF_CAR, DOMAIN, VEHICLE
from .devices import cars_of
from .issues import CONF_ENTRY
from .reauth import CONF_BRIDGE


class PairAgain(RepairsFlow):
    """Leads to the pairing. The repair is over when the bridge reaches the car, and not before."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Tell what will have to be done."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Go on to the dialog of the car."""
        if user_input is None:
            issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
            return self.async_show_form(
                step_id="confirm",
                data_schema=probatio.Schema({}),
                description_placeholders=issue.translation_placeholders if issue else None,
            )
        data = self.data or {}
        entry = self.hass.config_entries.async_get_entry(str(data.get(CONF_ENTRY)))
        subentry = cars_of(entry).get(str(data.get(CONF_CAR))) if entry else None
        if entry is None or subentry is None:
            return self.async_abort(reason="no_car")
        dialog = await self.hass.config_entries.subentries.async_init(
            (entry.entry_id, VEHICLE),
            context=SubentryFlowContext(source=SOURCE_RECONFIGURE, subentry_id=subentry.subentry_id),
            data={CONF_BRIDGE: data.get(CONF_BRIDGE)},
        )
        if "step_id" not in dialog:
            return self.async_abort(reason=dialog["reason"])
        return self.async_abort(reason="pairing", next_flow=(FlowType.CONFIG_SUBENTRIES_FLOW, dialog["flow_id"]))


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Give the dialog of a repair; only a lost key has one."""
    return PairAgain()
