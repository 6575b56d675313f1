"""An aggregator on aiohttp, as read-node.mjs is one on node: SOCKET."""
import asyncio
import json
import os
import sys

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

BASES = json.loads(os.environ["BASES"])
routes = web.RouteTableDef()
session = web.AppKey("session") if hasattr(web, "AppKey") else "session"


async def call(app, service, path):
    async with app[session].get(BASES[service] + path) as response:
        response.raise_for_status()
        return await response.json()


async def each(app, failures, ids, service, path):
    async def one(crn):
        try:
            return crn, await call(app, service, path + crn)
        except Exception as e:
            failures.append({"endpoint": service, "identifier": crn,
                             "message": str(e)})

    results = await asyncio.gather(*map(one, ids))
    return dict(r for r in results if r)


@routes.get("/case/{crns}")
async def case(request):
    app, crns = request.app, request.match_info["crns"]
    ids, failures = crns.split(","), []
    summaries, person, tier, risk, premises = await asyncio.gather(
        call(app, "summaries", "/20/4096/summaries/" + crns),
        each(app, failures, ids, "people", "/30/512/people/"),
        each(app, failures, ids, "tiers", "/40/128/tiers/"),
        each(app, failures, ids, "risks", "/100/256/risks/"),
        each(app, failures, ids, "premises", "/60/512/premises/"))
    return web.json_response({
        "data": {"summaries": summaries, "person": person, "tier": tier,
                 "risk": risk, "premises": premises},
        "upstreamFailures": failures})


@routes.get("/call/{id}")
async def single(request):
    return web.json_response(await call(
        request.app, "plain", "/call/" + request.match_info["id"]))


async def client(app):
    connector = TCPConnector(limit=0)
    async with ClientSession(connector=connector,
                             timeout=ClientTimeout(total=10)) as made:
        app[session] = made
        yield


app = web.Application()
app.add_routes(routes)
app.cleanup_ctx.append(client)
web.run_app(app, path=sys.argv[1], backlog=4096, access_log=None, print=None)
