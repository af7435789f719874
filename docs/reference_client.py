#!/usr/bin/env python3
"""Give one signed command to a car, and print what becomes of it. Needs paho-mqtt 2 or newer.

    DRIVEWAY_CODE=... python3 reference_client.py mqtt://user:password@broker:1883 CAR COMMAND ['{"percent": 80}']

CAR is a car's name or id. The code comes from `driveway clients add`. The last line says how it ended; status 0: done.
"""

import hmac
import json
import os
import queue
import re
import secrets
import sys
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt

broker, wanted, command, *arguments = sys.argv[1:]
address = urlsplit(broker)
code = re.sub(r"[\s-]", "", os.environ["DRIVEWAY_CODE"]).upper().translate(str.maketrans("OIL", "011")).encode()
client_id = hmac.digest(code, b"driveway client id", "sha256").hex()[:16]
key = hmac.digest(code, b"driveway command key", "sha256")

heard: queue.Queue[tuple[str, bool, dict]] = queue.Queue()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_message = lambda *message: heard.put((message[2].topic, message[2].retain, json.loads(message[2].payload)))
if address.username:
    client.username_pw_set(unquote(address.username), unquote(address.password or ""))
client.connect(address.hostname, address.port or 1883)
client.loop_start()
client.subscribe([(f"driveway/+/{told}", 0) for told in ("clock", "+/result", "info")])
try:
    cars = []
    while not cars:  # which bridge has the car?
        topic, _, info = heard.get(timeout=5)
        cars = [car["id"] for car in info.get("cars", ()) if wanted in (car["id"], car["name"])]
    if client_id not in info["clients"]:
        sys.exit("refused unknown_client")
    base, car = topic.removesuffix("/info"), cars[0]
    client.publish(f"{base}/clock/get", "now")
    while True:  # what does its clock say, which only the bridge can sign?
        topic, retained, clock = heard.get(timeout=5)
        said = f"driveway clock {clock.get('boot')} {clock.get('now', 0):.3f}".encode()
        if not retained and hmac.digest(key, said, "sha256").hex() == clock.get("signatures", {}).get(client_id):
            break
    who = {"contract": 1, "id": secrets.token_hex(8), "client": client_id, "boot": clock["boot"]}
    what = {"car": car, "command": command, "arguments": json.loads(arguments[0]) if arguments else {}}
    document = json.dumps({**who, **what, "issued": clock["now"], "ttl": 5.0})
    signature = hmac.digest(key, document.encode(), "sha256").hex()
    client.publish(f"{base}/{car}/command", json.dumps({"document": document, "signature": signature}))
    while True:  # what becomes of it?
        topic, _, result = heard.get(timeout=60)
        if topic == f"{base}/{car}/result" and result["id"] == who["id"]:
            sys.stdout.write(f"{result['outcome']} {result['reason'] or result['stage'] or ''} {result['detail']}\n")
            if result["outcome"] not in ("accepted", "sent"):
                sys.exit(result["outcome"] != "confirmed")
except queue.Empty:
    sys.exit("Nothing was heard in time of a bridge with this car, of its clock, or of the command.")
