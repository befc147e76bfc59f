"""An MCP server without the SDK, for what the SDK would not say: `python tests/server/raw_mcp.py TOOLS`, where TOOLS is
the JSON of its list of tools. Each call is answered with its arguments."""

import json
import sys


def said(id, **fields):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": id, **fields}) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            about = {"name": "raw", "version": "1"}
            version = message["params"]["protocolVersion"]
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
            said(message["id"], result=result)
        case "tools/list":
            said(message["id"], result={"tools": json.loads(sys.argv[1])})
        case "tools/call":
            text = json.dumps(message["params"]["arguments"])
            said(message["id"], result={"content": [{"type": "text", "text": text}]})
        case _ if "id" in message:
            said(message["id"], error={"code": -32601, "message": "no"})
