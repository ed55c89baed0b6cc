"""A plugin of `smpmgr`: `smpmgr --plugin-path=. --port P limonaire params|health`, with this folder in PYTHONPATH."""

import asyncio

import limonaire_messages as messages
import typer
from smpmgr.common import connect_with_spinner, get_smpclient

app = typer.Typer(name="limonaire", help="Parameters and health of a Limonaire board.")


def _ask(ctx, request):
    async def ask():
        client = get_smpclient(ctx.obj)
        await connect_with_spinner(client)
        return await client.request(request)

    return asyncio.run(ask())


@app.command()
def params(ctx: typer.Context) -> None:
    """Every parameter with its value."""
    for param in _ask(ctx, messages.Params()).params:
        print(param["id"], param["value"], param["unit"])


@app.command()
def health(ctx: typer.Context) -> None:
    """ok, or why not."""
    reply = _ask(ctx, messages.Health())
    print("ok" if reply.ok else "; ".join(reply.reasons))
