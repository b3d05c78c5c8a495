"""A client of a typed route: events, calls, streams, calls of the server's; it comes back. Python 3.10, websockets 10, or later."""
import asyncio, itertools, json, random, re, time
import websockets

class CallError(Exception):
    """Its argument is the $error: statusCode, code, message."""

class Client:
    min_delay, max_delay = 0.5, 20.0

    def __init__(self, url, protocol, asks=(), **options):
        self.connect = lambda: websockets.connect(url, subprotocols=[protocol, 'typed-ws.refusal', *asks], **options)
        self.on = {}        # by type: a function that takes an event; that of '$error' takes what was rejected
        self.handlers = {}  # by type: a coroutine function that answers a call of the server's
        self.refs, self.unsent, self.pending, self.running = itertools.count(1), asyncio.Queue(), {}, {}

    def send(self, type, payload={}):
        self.unsent.put_nowait(json.dumps({**payload, 'type': type}))  # waits there for a connection

    async def call(self, type, payload={}):
        async for data in self.stream(type, payload):
            return data

    async def stream(self, type, payload={}):
        ref, answers, pending = next(self.refs), asyncio.Queue(), self.pending
        pending[ref] = answers
        self.send(type, {**payload, 'ref': ref})
        try:
            while (answer := await answers.get())['type'] != '$done':
                if answer['type'] == '$error':
                    raise CallError(answer)
                yield answer.get('data')
        finally:
            if pending.pop(ref, None):  # not answered to the end: left early, or canceled
                self.send('$cancel', {'ref': ref})

    async def run(self):
        """Connects, and again, until the server ends it for good; returns the close code. To leave, cancel it."""
        failures, expired = 0, False
        while True:
            ws, begun = None, time.monotonic()
            try:
                async with self.connect() as ws:
                    await (self.talk(ws) if ws.subprotocol != 'typed-ws.refusal' else ws.wait_closed())
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException):
                pass  # the close code says why
            code, reason = (ws and ws.close_code) or 1006, (ws and ws.close_reason) or ''
            if ws and time.monotonic() - begun > 5:  # it has held: earlier failures are forgotten
                failures, expired = 0, False
            if re.fullmatch('100[02378]|4[5-9]..', str(code)) or (code == 4401 and expired):
                return code
            failures, expired = failures + 1, expired or code == 4401
            wait = random.uniform(self.min_delay, min(self.max_delay, self.min_delay * 2 ** min(failures, 20)))
            if hint := re.fullmatch(r'retry-after-ms=(\d{1,9})', reason):
                wait = int(hint[1]) / 1000 if failures == 1 else max(wait, int(hint[1]) / 1000)
            await asyncio.sleep(wait)

    async def talk(self, ws):
        writer = asyncio.create_task(self.write(ws))
        try:
            async for message in ws:
                if isinstance(message, str):
                    self.take(json.loads(message))
        finally:  # questions and answers end with their connection
            for task in [writer, *self.running.values()]:
                task.cancel()
            for answers in self.pending.values():
                answers.put_nowait({'type': '$error', 'code': 'DISCONNECTED', 'message': 'The connection was lost'})
            self.pending.clear()
            self.unsent, self.pending, self.running = asyncio.Queue(), {}, {}

    async def write(self, ws):
        while True:
            await ws.send(await self.unsent.get())

    def take(self, message):
        type, ref = message['type'], message.pop('ref', None)
        if type in ('$reply', '$next', '$done', '$error') and ref in self.pending:
            (self.pending[ref] if type == '$next' else self.pending.pop(ref)).put_nowait(message)
        elif type == '$cancel' and ref in self.running:
            self.running[ref].cancel()
        elif ref is None and type in self.on:
            self.on[type](message)
        elif ref is not None and not type.startswith('$'):
            self.running[ref] = asyncio.create_task(self.answer(type, ref, message))

    async def answer(self, type, ref, payload):
        running, body = self.running, {'statusCode': 501, 'message': f'no handler for {type}'}
        try:
            if type in self.handlers:
                return self.send('$reply', {'ref': ref, 'data': await self.handlers[type](payload)})
        except Exception as error:
            body = error.args[0] if isinstance(error, CallError) else {'statusCode': 500, 'message': str(error)}
        finally:
            running.pop(ref, None)
        self.send('$error', {'ref': ref, 'received': type, **body})
