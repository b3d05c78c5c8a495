"""Brings the client through the cases of the conformance server: python3 conformance.py http://localhost:3000"""
import asyncio, contextlib, json, sys, time, urllib.request
from typed_ws import CallError, Client

CLAIMED = ('events', 'calls', 'streams', 'server-calls', 'reconnecting', 'refusals')

def words(error):
    return {name: error.args[0][name] for name in ('statusCode', 'code', 'message') if name in error.args[0]}

async def play(url, run, name):
    client = Client(f'{url}/case/{name}?run={run}'.replace('http', 'ws', 1), 'conformance.v1')
    ended, tasks = asyncio.create_task(client.run()), {}

    async def call(message):
        try:
            client.send('result', {'id': message['id'], 'data': await client.call('ask', {'id': message['id']})})
        except CallError as error:
            client.send('result', {'id': message['id'], 'error': words(error)})

    async def stream(message):
        items, error = [], None
        try:
            async with contextlib.aclosing(client.stream('items', {'id': message['id']})) as answers:
                async for item in answers:
                    items.append(item)
                    if len(items) == message.get('take'):
                        break
        except CallError as failure:
            error = {'error': words(failure)}
        client.send('result', {'id': message['id'], 'data': items, **(error or {})})

    async def question(message):
        return message['value']

    async def refuse(_):
        raise CallError({'statusCode': 409, 'code': 'REFUSED', 'message': 'I will not'})

    async def wait(_):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            client.send('cancelled')

    client.on['echo'] = lambda message: client.send('echo', {'value': message['value']})
    client.on['call'] = lambda message: tasks.update({message['id']: asyncio.create_task(call(message))})
    client.on['stream'] = lambda message: tasks.update({message['id']: asyncio.create_task(stream(message))})
    client.on['cancel'] = lambda message: tasks[message['id']].cancel()
    client.on['leave'] = lambda _: ended.cancel()
    client.handlers.update(question=question, refuse=refuse, wait=wait)
    await asyncio.wait([ended])

def get(url):
    with urllib.request.urlopen(url) as reply:
        return json.load(reply)

async def main(url):
    run = str(time.time())
    await asyncio.gather(*(play(url, run, case['name']) for case in get(f'{url}/cases') if case['group'] in CLAIMED))
    report = get(f'{url}/report?run={run}')
    for case in report['cases']:
        if case['verdict'] == 'failed':
            print(case['name'], case['reason'])
    print(report['passed'], 'passed,', report['failed'], 'failed')
    return 1 if report['failed'] else 0

sys.exit(asyncio.run(main(sys.argv[1])))
