"""The options of a household: what is off until the owner wants it."""

from typing import Any, Final

import probatio
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.data_entry_flow import section
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers import selector

from .const import CONF_DRILL, CONF_DRILL_TIME, CONF_WATCH, CONF_WATCH_URL, DRILL_DAYS

CLOUD: Final = "cloud"
DRILL: Final = "drill"
_USUAL_TIME: Final = "10:00:00"

FORM: Final = probatio.Schema(
    {
        probatio.Required(CLOUD): section(
            probatio.Schema(
                {
                    probatio.Required(CONF_WATCH, default=False): selector.BooleanSelector(),
                    probatio.Optional(CONF_WATCH_URL): selector.TextSelector(
                        selector.TextSelectorConfig(type=selector.TextSelectorType.URL)
                    ),
                }
            )
        ),
        probatio.Required(DRILL): section(
            probatio.Schema(
                {
                    probatio.Required(CONF_DRILL, default=DRILL_DAYS[0]): selector.SelectSelector(
                        selector.SelectSelectorConfig(
                            options=list(DRILL_DAYS),
                            mode=selector.SelectSelectorMode.DROPDOWN,
                            translation_key=CONF_DRILL,
                        )
                    ),
                    probatio.Required(CONF_DRILL_TIME, default=_USUAL_TIME): selector.TimeSelector(),
                }
            )
        ),
    }
)


class DrivewayOptionsFlow(OptionsFlow):
    """One form. The entry's update listener starts anew what has changed."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask; stored are the fields of all sections beside each other."""
        errors: dict[str, str] = {}
        if user_input is not None:
            entered = user_input[CLOUD] | user_input[DRILL]
            try:
                if url := entered.get(CONF_WATCH_URL):
                    cv.url(url)
            except probatio.Invalid:
                errors["base"] = "invalid_url"
            else:
                return self.async_create_entry(data={key: value for key, value in entered.items() if value != ""})
        stored = {CLOUD: self.config_entry.options, DRILL: self.config_entry.options}
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(FORM, user_input or stored),
            errors=errors,
        )
