"""Says something in the example chat, and prints what is said there: python3 chat.py http://localhost:3000 Ada"""
import asyncio, sys, time, urllib.parse, urllib.request
import websockets
from typed_ws import CallError, Client

class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None

def sign_in(url, name):
    """As the form of the page does; returns the cookie."""
    request = urllib.request.Request(f'{url}/sign-in', urllib.parse.urlencode({'name': name}).encode(), {'Origin': url})
    try:
        reply = urllib.request.build_opener(NoRedirect).open(request)
    except urllib.error.HTTPError as redirect:
        reply = redirect
    return reply.headers['Set-Cookie'].split(';')[0]

class Members:
    """The people who are here: all of them are told first, then the changes."""
    names = {}

    def take(self, told):
        if 'members' in told:
            self.names = {}
        for member in told.get('members', []) + told.get('joined', []) + told.get('updated', []):
            self.names[member['key']] = member['info']['name']
        for key in told.get('left', []):
            del self.names[key]
        print('here:', ', '.join(sorted(self.names.values())), flush=True)

async def main(url, name):
    headers = 'additional_headers' if int(websockets.__version__.split('.')[0]) >= 14 else 'extra_headers'
    options = {'asks': ['typed-ws.presence'], 'origin': url, headers: {'Cookie': sign_in(url, name)}}
    client = Client(f'{url}/chat'.replace('http', 'ws', 1), 'chat.v2', **options)
    client.on['$error'] = lambda error: print('rejected:', error['message'], flush=True)
    client.on['message'] = lambda message: print(f"{message['name']}: {message['text']}", flush=True)
    client.on['$members'] = Members().take
    ended = asyncio.create_task(client.run())
    ended.add_done_callback(lambda _: print('closed' if ended.cancelled() else f'closed by the server: {ended.result()}', flush=True))

    for message in await client.call('history'):
        print('before:', message.get('text', 'an image'), flush=True)
    try:
        await client.call('history', {'since': 'yesterday'})
    except CallError as error:
        print('refused:', error.args[0]['statusCode'], error.args[0]['message'], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        client.send('message', {'text': line.strip(), 'date': time.time() * 1000})
    last = asyncio.create_task(client.call('history'))  # calls are answered in order: what was said before it has arrived
    await asyncio.wait([ended, last], return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    await asyncio.wait([ended])

asyncio.run(main(*sys.argv[1:3]))
