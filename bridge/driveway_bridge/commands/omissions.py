"""What the message definitions know and Driveway does not offer, and why. A test finds what is in neither list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OMITTED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Starting the car without a key inside: cars refuse it over Bluetooth.": ("remoteStartDrive",),
        "Streams for the maker's app, over the Internet: Bluetooth carries single answers.": (
            "createStreamSession",
            "streamMessage",
            "vehicleDataSubscription",
            "vehicleDataAck",
            "vitalsSubscription",
            "vitalsAck",
            "cancelVehicleDataSubscription",
            "videoRequestAction",
        ),
        "Accounts, tokens and profiles of the maker's cloud.": (
            "piiKeyRequest",
            "pseudonymSyncRequest",
            "teslaAuthResponseAction",
            "getMessagesAction",
            "setupCloudProfileWithLocalProfileUuidAction",
            "getLocalProfilesForVaultUuidAction",
            "fetchKeysInfoAction",
            "setUpkeepUsernameAction",
        ),
        "What a phone knows of its owner, and uploads too long for Bluetooth.": (
            "uiSetUpcomingCalendarEntries",
            "takeDrivenoteAction",
            "bluetoothClassicPairingRequest",
            "setPhoneSettingPreferencesAction",
            "prepareMobileUploadAction",
            "putMobileUploadChunkAction",
        ),
        "Energy management between the car, a house and the maker's cloud.": (
            "setRateTariffRequest",
            "getRateTariffRequest",
            "addManagedChargingSiteRequest",
            "removeManagedChargingSiteRequest",
            "getManagedChargingSitesRequest",
            "updateChargeOnSolarFeatureRequest",
            "getChargeOnSolarFeatureRequest",
            "setPowershareFeatureAction",
            "setPowershareDischargeLimitAction",
            "setPowershareRequestAction",
            "setDischargeLimitAction",
        ),
        "Equipment of few models, not in the maker's public definitions and not seen to work over Bluetooth.": (
            "setOutletsOnOffAction",
            "setOutletTimerAction",
            "setOutletSocLimitAction",
            "setPowerFeedOnOffAction",
            "setPowerFeedTimerAction",
            "setPowerFeedSocLimitAction",
            "setTrailerLightTestStartStopAction",
            "setTruckBedLightAutoStateAction",
            "setTruckBedLightBrightnessAction",
            "setTentModeRequestAction",
            "setFrontZoneLightRequestAction",
            "setRearZoneLightRequestAction",
            "setLightbarBrightnessAction",
            "setLightbarMiddleAction",
            "setLightbarDitchAction",
            "setSuspensionLevelAction",
            "setDeckLightAction",
        ),
        "Settings of the car's screen.": (
            "setTemperatureUnitAction",
            "setDistanceUnitAction",
            "setTimeDisplayFormatAction",
            "setTirePressureUnitAction",
            "setEnergyDisplayFormatAction",
            "displayStateAction",
        ),
        "Erasing recordings: not from afar.": ("deleteDashcamClipsAction", "formatUsbAction"),
        "Shows, and tests of battery and connection.": (
            "startLightShowAction",
            "stopLightShowAction",
            "cancelSohTestAction",
            "bandwidthTest",
        ),
        "Variants, not in the maker's public definitions, of what is offered.": (
            "navigationRouteAction",
            "navigationWaypointsRequest",
            "navigationGpsDestinationRequest",
            "drivingSetCruiseSpeedLimitAction",
        ),
    }
)
"""Actions of infotainment, by reason."""
OMITTED_BODY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "How a phone key proves that it is near.": ("authenticationResponse",),
        "Stopping a car that drives by itself.": ("autonomyCommand",),
    }
)
"""Requests to the body controller, by reason."""
OMITTED_SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Not in the maker's public definitions, and not seen to fit into an answer over Bluetooth.": (
            "getGuiSettings",
            "getLegacyVehicleState",
            "getVehicleConfig",
            "getParkedAccessoryState",
            "getSohState",
            "getVehicleDetailState",
            "getVehicleState",
            "getAlertState",
            "getLightShowState",
            "getVehicleImageState",
            "getSuspensionState",
            "getChildPresenceDetectionState",
            "getDisplayState",
        ),
    }
)
"""Subjects about which infotainment can be asked, by reason."""
