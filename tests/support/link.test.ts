import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { freePort } from '@rekey/local-servers/ports'
import t, { type Test } from 'tap'
import { eventually } from './eventually.ts'
import { startLink, untilRetransmissionMs } from './link.ts'

/** Answers with what it hears, after its name. */
const startEcho = async (t: Test, name: string) => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.on('data', (chunk) => socket.write(`${name}:${chunk}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const startClient = async (t: Test, port: number) => {
  const socket = connect({ host: '127.0.0.1', port })
  let heard = ''
  let failure: string | undefined
  socket.on('data', (chunk) => {
    heard += chunk
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.code
  })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect').catch(() => {})
  return { socket, say: (text: string) => socket.write(text), heard: () => heard, failure: () => failure }
}

const started = async (t: Test) => {
  const link = await startLink()
  t.teardown(() => link.close())
  return link
}

t.test('connections go to the targets in turn, and skip one that is unreachable', async (t) => {
  const link = await started(t)
  link.leadTo([await startEcho(t, 'a'), await freePort(), await startEcho(t, 'b')])
  const names = new Set<string>()
  for (let index = 0; index < 6; index += 1) {
    const client = await startClient(t, link.port)
    client.say('hello')
    await eventually(() => client.heard().includes('hello'))
    names.add(client.heard())
  }
  t.same(names, new Set(['a:hello', 'b:hello']))
})

t.test('delayed data arrives later', async (t) => {
  const link = await started(t)
  link.leadTo([await startEcho(t, 'a')])
  const client = await startClient(t, link.port)
  link.delay(100)
  const begun = performance.now()
  client.say('hello')
  await eventually(() => client.heard() === 'a:hello')
  t.ok(performance.now() - begun >= 195, 'there and back')
})

t.test('a reset cuts open connections, and new ones until the link is healed', async (t) => {
  const link = await started(t)
  link.leadTo([await startEcho(t, 'a')])
  const before = await startClient(t, link.port)
  before.say('hello')
  await eventually(() => before.heard())
  link.reset()
  await eventually(() => before.failure() === 'ECONNRESET')
  const meanwhile = await startClient(t, link.port)
  await eventually(() => meanwhile.socket.destroyed)
  link.heal()
  const after = await startClient(t, link.port)
  after.say('hello')
  await eventually(() => after.heard() === 'a:hello')
})

t.test('stalled data arrives once the link is healed', async (t) => {
  const link = await started(t)
  link.leadTo([await startEcho(t, 'a')])
  const before = await startClient(t, link.port)
  before.say('1')
  await eventually(() => before.heard() === 'a:1')
  link.stall()
  before.say('2')
  const meanwhile = await startClient(t, link.port)
  meanwhile.say('3')
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(before.heard() + meanwhile.heard(), 'a:1')
  link.heal()
  await eventually(() => before.heard() === 'a:1a:2' && meanwhile.heard() === 'a:3')
})

t.test('dropped data arrives in order once the link is healed, and new connections hang until then', async (t) => {
  const link = await started(t)
  link.leadTo([await startEcho(t, 'a')])
  const before = await startClient(t, link.port)
  before.say('1')
  await eventually(() => before.heard() === 'a:1')
  link.drop()
  before.say('2')
  const meanwhile = await startClient(t, link.port)
  meanwhile.say('3')
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(before.heard() + meanwhile.heard(), 'a:1')
  link.heal()
  const after = await startClient(t, link.port)
  after.say('4')
  await eventually(() => after.heard() === 'a:4')
  before.say('5')
  await eventually(() => /^a:1a:2(a:)?5$/.test(before.heard()) && meanwhile.heard() === 'a:3')
})

t.test('lost data is sent again after 0.2 s, and each time after twice as long', async (t) => {
  t.same([0, 200, 201, 600, 7_000].map(untilRetransmissionMs), [200, 0, 399, 0, 5_600])
  t.equal(untilRetransmissionMs(12_600), 0)
})

t.test('lost data never arrives, no error shows it, and new connections work', async (t) => {
  const link = await started(t)
  link.leadTo([await startEcho(t, 'a')])
  const before = await startClient(t, link.port)
  before.say('1')
  await eventually(() => before.heard() === 'a:1')
  link.blackHole()
  before.say('2')
  const meanwhile = await startClient(t, link.port)
  meanwhile.say('3')
  link.heal()
  const after = await startClient(t, link.port)
  after.say('4')
  await eventually(() => after.heard() === 'a:4')
  t.equal(before.heard() + meanwhile.heard(), 'a:1')
  t.notOk(before.failure() ?? meanwhile.failure())
  t.notOk(before.socket.destroyed || meanwhile.socket.destroyed)
})

t.test('the end of a connection arrives after the data that was sent before it', async (t) => {
  const link = await started(t)
  const server = createServer((socket) => socket.on('error', () => {}).end('a last word'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  link.leadTo([(server.address() as AddressInfo).port])
  link.delay(50)
  const client = await startClient(t, link.port)
  await once(client.socket, 'end')
  t.equal(client.heard(), 'a last word')
})
