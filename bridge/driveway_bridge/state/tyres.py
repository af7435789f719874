"""Tyre pressures."""

from __future__ import annotations

from dataclasses import dataclass

from driveway_bridge.state.reading import State, flag, moment, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Tyres(State):
    """One answer about the tyres. A hard warning means: stop; times are seconds since 1970."""

    front_left_bar: float | None = number("tpms_pressure_fl")
    front_right_bar: float | None = number("tpms_pressure_fr")
    rear_left_bar: float | None = number("tpms_pressure_rl")
    rear_right_bar: float | None = number("tpms_pressure_rr")
    front_left_seen: float | None = moment("tpms_last_seen_pressure_time_fl")
    front_right_seen: float | None = moment("tpms_last_seen_pressure_time_fr")
    rear_left_seen: float | None = moment("tpms_last_seen_pressure_time_rl")
    rear_right_seen: float | None = moment("tpms_last_seen_pressure_time_rr")
    front_left_hard_warning: bool | None = flag("tpms_hard_warning_fl")
    front_right_hard_warning: bool | None = flag("tpms_hard_warning_fr")
    rear_left_hard_warning: bool | None = flag("tpms_hard_warning_rl")
    rear_right_hard_warning: bool | None = flag("tpms_hard_warning_rr")
    front_left_soft_warning: bool | None = flag("tpms_soft_warning_fl")
    front_right_soft_warning: bool | None = flag("tpms_soft_warning_fr")
    rear_left_soft_warning: bool | None = flag("tpms_soft_warning_rl")
    rear_right_soft_warning: bool | None = flag("tpms_soft_warning_rr")
    front_recommended_bar: float | None = number("tpms_rcp_front_value")
    rear_recommended_bar: float | None = number("tpms_rcp_rear_value")
    at: float | None = moment("timestamp")
