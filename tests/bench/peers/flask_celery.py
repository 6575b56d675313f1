"""Flask in front of Celery, Redis as broker and as store of results."""
import os

from celery import Celery
from flask import Flask

redis = "redis+socket://" + os.environ["REDIS"]
tasks = Celery("flask_celery", broker=redis, backend=redis)
app = Flask(__name__)


@tasks.task
def job(body):
    return {"text": "x" * 245}


@app.post("/job")
def accept():
    from flask import request

    id = job.delay(request.get_json()).id
    answer = {"status": "accepted", "jobId": id, "statusUrl": f"/jobs/{id}",
              "cancelUrl": f"/jobs/{id}/cancel", "requestId": id,
              "estimatedDuration": 5, "message": "The request was accepted."}
    return answer, 202, {"Location": f"/jobs/{id}"}


@app.post("/done")
def done():
    from flask import request

    return job.delay(request.get_json()).get(timeout=60)


@app.get("/open")
def open_jobs():
    """Queued, or taken and not yet begun."""
    with tasks.connection_for_read() as broker:
        client = broker.default_channel.client
        return {"open": client.llen("celery") + client.hlen("unacked")}


@app.get("/jobs/<id>")
def status(id):
    found = tasks.AsyncResult(id)
    state = found.state
    done = found.date_done.isoformat() if found.date_done else None
    return {"jobId": id, "api": "job", "status": state.lower(),
            "progress": 100 if state == "SUCCESS" else 0,
            "result": found.result, "createdAt": done, "startedAt": done,
            "completedAt": done, "expiresAt": done, "deadlineAt": done,
            "attempt": 1, "requestId": id, "statusUrl": f"/jobs/{id}",
            "estimatedDuration": 5}, 200, {"Cache-Control": "no-store"}
