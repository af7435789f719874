"""Reason codes of Driveway: why a command ended as it did, and what the owner can do about it.

The one table behind MQTT results, Home Assistant's errors, the command line, the documentation and the translations.
Like `contract.py`, this file stands twice, byte for byte, and uses the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Reason(NamedTuple):
    """What a code means and what the owner can do, in English; translations follow these."""

    meaning: str
    remedy: str


REASONS: Final[Mapping[str, Reason]] = {
    # How it ended well.
    "done": Reason("Done.", ""),
    "already_so": Reason("It was so already.", ""),
    # The way to the car.
    "not_in_range": Reason(
        "The car was not heard over Bluetooth.",
        "Is it parked near the bridge? If it is, move the bridge closer or restart its Bluetooth.",
    ),
    "no_connection": Reason(
        "The car was heard, but no connection came about in time.",
        "Try again; if it happens often, the signal is weak: move the bridge closer to the car.",
    ),
    "places_full": Reason(
        "All three Bluetooth places of the car are taken.",
        "Switch off Bluetooth on one phone or watch that is near the car, then try again.",
    ),
    "link_lost": Reason("The connection to the car broke off.", "Try again; if it happens often, the signal is weak."),
    "nobody_listening": Reason(
        "Nobody answers at the address given for the car.",
        "Check the address and port of `link`, and that the other side is running.",
    ),
    "radio_unavailable": Reason(
        "The bridge has no working Bluetooth radio.",
        "Check that the adapter is plugged in and that the Bluetooth service is running.",
    ),
    "no_bluetooth_service": Reason(
        "The Bluetooth service of the bridge's computer is not running.",
        "Start it with `systemctl start bluetooth`, or restart the computer.",
    ),
    "bluetooth_forbidden": Reason(
        "The bridge's computer does not let the bridge's user at its Bluetooth.",
        "Run the bridge as a user that this computer itself knows, also in a container.",
    ),
    "no_adapter": Reason(
        "The bridge's computer has no Bluetooth adapter, or not the one that the configuration names.",
        "Plug it in, or correct `bluetooth.adapter`.",
    ),
    "adapter_off": Reason(
        "The bridge's Bluetooth adapter is switched off.",
        "Switch it on with `bluetoothctl power on`; if that fails, first `rfkill unblock bluetooth`.",
    ),
    "radio_deaf": Reason(
        "The bridge's Bluetooth radio hears nothing at all any more, from nobody.",
        "The bridge tries to bring it back by itself; if it stays so, unplug the adapter or restart the computer.",
    ),
    "proxy_unreachable": Reason(
        "The Bluetooth proxy does not answer over the network.",
        "Check that it has power and Wi-Fi, and its `host` in the bridge's configuration.",
    ),
    "proxy_key_wrong": Reason(
        "The Bluetooth proxy does not take the bridge's encryption key.",
        "Copy the key under `api:`, `encryption:` of its ESPHome configuration into the bridge's; perhaps it has none.",
    ),
    "proxy_unsuitable": Reason(
        "The Bluetooth proxy cannot make connections for the bridge.",
        "Give its ESPHome `bluetooth_proxy:` with `active: true`, in a version of 2025 or later.",
    ),
    "proxy_taken": Reason(
        "Another program uses the Bluetooth proxy.",
        "A proxy serves one program: give the bridge one of its own, and take that one out of Home Assistant.",
    ),
    "proxy_full": Reason(
        "All connections of the Bluetooth proxy are in use.",
        "Let it serve nobody but the bridge, or add another proxy.",
    ),
    # What the car said.
    "key_not_enrolled": Reason(
        "The car does not know this bridge's key.",
        "Pair the bridge with the car: the key has to be confirmed with a key card at the car.",
    ),
    "wrong_car": Reason(
        "What answered could not prove that it is the car with this VIN.", "Check the VIN in the configuration."
    ),
    "car_key_changed": Reason(
        "The car proves itself with another key than before.",
        "That happens after a repair of its computer: try again; if it stays, pair the bridge anew.",
    ),
    "car_busy": Reason("The car is busy.", "Try again in a few seconds."),
    "no_answer": Reason(
        "The car did not answer in time.", "Look at the car, or at its state here, before you try again."
    ),
    "not_permitted": Reason(
        "The car does not let this key do that.", "The key's role is too small, or the car forbids it right now."
    ),
    "car_asleep": Reason("The car is asleep.", "Wake it and try again; if it does not wake up, look at the car."),
    "car_booting": Reason("The car is awake, but its computer is still starting.", "Try again in half a minute."),
    "closures_open": Reason("A door or lid is open.", "Close it and try again."),
    "remote_access_off": Reason("Mobile access is switched off in the car.", "Switch it on in the car's menu."),
    "not_supported_by_car": Reason("The car cannot do that.", "It lacks the equipment, or its software is too old."),
    "comfort_remote_off": Reason(
        "The car does not let its comfort settings be changed from afar.",
        "Switch the climate on first, then try again.",
    ),
    "low_power_mode": Reason(
        "The car saves power and does not do that now.", "Charge it, or switch its low-power mode off."
    ),
    "parental_controls": Reason(
        "The car's parental controls forbid it.", "Switch them off, or change them, in the car."
    ),
    "not_in_park": Reason("The car is not in park.", "Put it into park and try again."),
    "not_plugged_in": Reason("No charging cable is plugged in.", "Plug it in and try again."),
    "no_charging_power": Reason("The charger gives no power.", "Look at the charger and its fuse."),
    "wrong_pin": Reason("The PIN is wrong.", "Try again with the right one."),
    "refused_by_car": Reason("The car refused.", "Look at the car's screen for the reason."),
    "not_understood": Reason("The car's answer was not understood.", "Look at the car; then update the bridge."),
    # What the car said of its keys.
    "card_not_tapped": Reason(
        "No key card was tapped in time.",
        "Start again, and tap a key card on the reader only after you are told to: one that lies there already does "
        "not count.",
    ),
    "card_not_on_reader": Reason("The car wants a key card on its reader.", "Start again with a key card at hand."),
    "not_confirmed_on_screen": Reason(
        "The new key was not confirmed on the car's screen in time.", "Start again, and confirm it there."
    ),
    "denied_on_screen": Reason(
        "The new key was turned down on the car's screen.", "Start again, and confirm it there."
    ),
    "cancelled_at_car": Reason("Adding the key was cancelled at the car.", "Start again."),
    "confirmation_impossible": Reason(
        "The car could not ask for a confirmation.", "Sit in the car, let its screen light up, and start again."
    ),
    "valet_mode": Reason("The car is in valet mode.", "Switch valet mode off and try again."),
    "not_enrolled_in_time": Reason(
        "The car did not add the key in time, and did not say why.",
        "Is it awake, with somebody inside? Start again, and tap a key card after you are told to.",
    ),
    "not_synchronised": Reason(
        "The car's locks know the key; the rest of the car does not yet.",
        "Wake the car, wait a minute and try again.",
    ),
    "already_enrolled": Reason("The car knew this key already.", "Nothing more is needed."),
    "key_list_full": Reason("The car has no room for another key.", "Remove a key in the car's menu, under Locks."),
    "key_not_listed": Reason("The car has no such key.", "List its keys to see which it has."),
    "key_refused": Reason("The car does not take this key.", "Update the bridge; if it stays, make a new key."),
    "own_key": Reason("No key can take away its own rights.", "Remove it in the car's menu, under Locks."),
    "owner_key_needed": Reason("Only an owner's key may change the car's keys.", "Use the car's menu, under Locks."),
    "other_role": Reason(
        "The car knows this bridge's key, but with another role than was wished.",
        "To change that, remove the key in the car's menu, under Locks, and pair again.",
    ),
    "role_refused": Reason("The car does not let a key be added with this role.", "Choose another role."),
    # What the bridge did not pass on.
    "expired": Reason("The command was too old when it could have been sent.", "Give it again."),
    "replayed": Reason("This command was given before.", "If you did not repeat it, somebody else did: see the log."),
    "other_boot": Reason("The command was meant for the bridge before its restart.", "Give it again."),
    "other_car": Reason(
        "The command is for another car than its topic says, or for none of this bridge's.",
        "Use the car's id as the bridge tells it, in the topic and in the command.",
    ),
    "clock_ahead": Reason("The command claims to come from the future.", "Restart the program that sent it."),
    "retained": Reason("The command lay stored in the broker.", "Commands must not be retained: see the sender."),
    "not_signed": Reason("The command carries no signature.", "Use a client that holds the bridge's code."),
    "unknown_client": Reason("The sender is not known to this bridge.", "Give the sender the bridge's code."),
    "bad_signature": Reason("The signature is wrong.", "Give the sender the bridge's code again."),
    "client_may_not": Reason(
        "This client may not give that command.",
        "`driveway clients` on the bridge shows what it may; to change that, revoke it and add it anew.",
    ),
    "plain_may_not": Reason(
        "Unsigned words on plain topics may not do that.",
        "Use a client that signs; or name it in `plain_topics` of the bridge's configuration: then everybody can do it "
        "whom the broker lets publish.",
    ),
    "outside_hours": Reason(
        "This client may not give commands at this time of day.",
        "Wait for its hours: `driveway clients` on the bridge shows them.",
    ),
    "time_unknown": Reason(
        "This client may give commands at certain hours only, and the bridge does not know what time it is.",
        "Let the bridge's computer set its clock over the network; clients without hours are not affected.",
    ),
    "too_often": Reason(
        "This client has given as many commands in a minute as it may.",
        "Wait a minute, and look for what repeats them.",
    ),
    "malformed": Reason("The command could not be read.", "See the contract's documentation."),
    "too_large": Reason("The command is too long.", "See the contract's documentation."),
    "unknown_command": Reason("The bridge does not know this command.", "Update the bridge, or check the spelling."),
    "bad_arguments": Reason("The command's arguments are wrong.", "See the list of commands."),
    "too_many": Reason("Too many commands are waiting.", "Wait a few seconds and try again."),
    "gave_way": Reason(
        "It was interrupted for a lock command, and may have been carried out or not.",
        "Look at the car's state, then give it again if need be.",
    ),
    "role_forbids": Reason(
        "This bridge's key has a role that may not do that.",
        "Pair the bridge again with another role: the role of a key cannot be changed.",
    ),
    "wake_budget_spent": Reason(
        "The bridge has woken the car as often as it may in a day.",
        "Wake it with the phone or by opening a door, or raise `wakes` in the bridge's configuration.",
    ),
    "pairing_runs": Reason("A pairing with this car is going on already.", "Finish or cancel it first."),
    "pairing_cancelled": Reason("The pairing was cancelled.", "If the car's screen still asks, decline there."),
    "superseded": Reason("A later command took its place before it was sent.", ""),
    "commands_not_heard": Reason(
        "The MQTT broker does not bring the bridge its commands.",
        "The bridge subscribes anew by itself; if it stays so, look at the broker's access rules for the bridge.",
    ),
    "bridge_twice": Reason(
        "Another bridge uses the id and the key of this one.",
        "A copy of its disk or data folder runs somewhere: switch the copy off, and give it a data folder of its own.",
    ),
    "clients_unreadable": Reason(
        "The bridge's list of clients cannot be read: only Home Assistant may give commands now.",
        "Put the file `clients` in the bridge's data folder right, or delete it and add the clients anew.",
    ),
    "audit_unwritten": Reason(
        "The bridge cannot write its audit.",
        "Make room on the disk of its data folder, and see the bridge's log; commands go on as ever.",
    ),
    "stopping": Reason("The bridge is being stopped.", "Try again when it is back."),
    "internal": Reason("The bridge made a mistake.", "Please report it with the bridge's log."),
    # What a sender finds out by itself.
    "broker_away": Reason("The MQTT broker does not answer.", "Check that the broker is running."),
    "bridge_away": Reason("The bridge is not running.", "Check that it has power and network."),
    "bridge_silent": Reason("The bridge did not answer.", "Check that it is running, then try again."),
    "code_wrong": Reason("This is not the code of the bridge.", "`driveway code` shows it on the bridge."),
    "configuration_wrong": Reason("The configuration is wrong.", ""),
}
"""Codes are never renamed or removed, only added."""

OF_THE_RADIO: Final = frozenset(
    {
        "radio_unavailable",
        "no_bluetooth_service",
        "bluetooth_forbidden",
        "no_adapter",
        "adapter_off",
        "radio_deaf",
        "proxy_unreachable",
        "proxy_key_wrong",
        "proxy_unsuitable",
        "proxy_taken",
        "proxy_full",
    }
)
"""Those that are about the bridge's radios, and not about a car."""
