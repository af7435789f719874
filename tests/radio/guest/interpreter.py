"""Python in the virtual computer, for the tests: code comes in, what it gave goes out, a line of JSON each.

A line is `{"code": ...}`; the answer is `{"value": ...}` of its last expression, or `{"error": ..., "text": ...}`. The
code may await at its top level, and its names stay.
"""

import ast
import asyncio
import inspect
import json
import sys
import traceback
from collections.abc import AsyncIterator
from typing import Any


async def lines() -> AsyncIterator[dict[str, str]]:
    """The lines of standard input, which is a socket."""
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def do(code: str, names: dict[str, Any]) -> Any:
    """Run it; gives the value of its last line if that is an expression."""
    tree = ast.parse(code, "<test>")
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("_", ast.Store())], last.value), last)
    names["_"] = None
    made = eval(compile(ast.fix_missing_locations(tree), "<test>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(made):
        await made
    return names["_"]


async def main() -> None:
    """Answer until the caller hangs up."""
    names: dict[str, Any] = {"asyncio": asyncio}
    async for line in lines():
        try:
            answer = {"value": await do(line["code"], names)}
            text = json.dumps(answer, default=repr)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told, whatever it is
            traceback.print_exc()
            text = json.dumps({"error": type(error).__name__, "text": str(error)})
        print(text, flush=True)


asyncio.run(main())
