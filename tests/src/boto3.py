"""Calls AWS for the tests, with a client that is not ours.

Reads one call a line from standard input, as JSON: service, operation and
parameters. Writes one reply a line: the result, or the error.
"""

import json
import sys

try:
    import boto3
    import botocore.exceptions
except ImportError:
    sys.exit("boto3 is not installed")

clients = {}
print("ready", flush=True)
for line in sys.stdin:
    call = json.loads(line)
    service = call["service"]
    if service not in clients:
        clients[service] = boto3.client(service)
    try:
        result = getattr(clients[service], call["operation"])(**call["parameters"])
        result.pop("ResponseMetadata", None)
        reply = {"result": result}
    except botocore.exceptions.ClientError as error:
        reply = {"error": str(error)}
    print(json.dumps(reply, default=str), flush=True)
