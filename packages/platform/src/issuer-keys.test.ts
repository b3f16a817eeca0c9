import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClock } from '@rekey/test-support/clock'
import { exportJWK } from 'jose'
import t, { type Test } from 'tap'
import { createIssuerKeys } from './issuer-keys.ts'

const minuteMs = 60_000

const newKey = (kid: string) => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const jwk = publicKey.export({ format: 'jwk' })
  return { jwk: { ...jwk, kid, alg: 'EdDSA', use: 'sig' }, x: jwk.x }
}

/** Finds a key by its id and returns its public part. */
const createKeys = (options: Parameters<typeof createIssuerKeys>[0]) => {
  const find = createIssuerKeys(options)
  return async (kid: string) => {
    const key = await find({ alg: 'EdDSA', kid })
    return key && (await exportJWK(key)).x
  }
}

/** A server of a JWK Set that can be stopped and restarted. */
const startIssuer = async (t: Test, ...keys: object[]) => {
  const issuer = { keys, requests: 0, status: 200 }
  const listen = async (port: number): Promise<Server> => {
    const server = createServer((_request, response) => {
      issuer.requests += 1
      response.writeHead(issuer.status, { connection: 'close' }).end(JSON.stringify({ keys: issuer.keys }))
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return server
  }
  let server = await listen(0)
  const { port } = server.address() as AddressInfo
  const leave = () => new Promise((resolve) => server.close(resolve))
  t.teardown(leave)
  return {
    issuer,
    jwksUrl: `http://127.0.0.1:${port}/jwks.json`,
    leave,
    async come() {
      server = await listen(port)
    },
  }
}

t.test(
  'S25: while the issuer is unavailable, its last keys stay valid for an hour, and other keys are unavailable',
  async (t) => {
    const [one, two] = [newKey('one'), newKey('two')]
    const clock = createClock()
    const { issuer, jwksUrl, leave, come } = await startIssuer(t, one.jwk)
    const keys = createKeys({ jwksUrl, now: clock.now })
    t.equal(await keys('one'), one.x)
    await leave()
    clock.advance(11 * minuteMs)
    t.equal(await keys('one'), one.x)
    await t.rejects(keys('two'), { code: 'unavailable' })

    clock.advance(50 * minuteMs)
    await t.rejects(keys('one'), { code: 'unavailable' }, 'not longer than an hour')

    issuer.keys = [one.jwk, two.jwk]
    await come()
    clock.advance(1_000)
    t.equal(await keys('two'), two.x)
    t.equal(await keys('one'), one.x)
  },
)

t.test('S25: an issuer that answers with errors counts as away, and is not queried by every request', async (t) => {
  const key = newKey('one')
  const clock = createClock()
  const { issuer, jwksUrl } = await startIssuer(t, key.jwk)
  const keys = createKeys({ jwksUrl, now: clock.now })
  t.equal(await keys('one'), key.x)
  issuer.status = 502
  clock.advance(11 * minuteMs)
  for (let round = 0; round < 10; round += 1) t.equal(await keys('one'), key.x)
  t.equal(issuer.requests, 2)
  issuer.status = 200
  clock.advance(11_000)
  await keys('one')
  t.equal(issuer.requests, 3)
})

t.test('S29: a key that the issuer has removed is refused ten minutes later', async (t) => {
  const [one, two] = [newKey('one'), newKey('two')]
  const clock = createClock()
  const { issuer, jwksUrl, leave } = await startIssuer(t, one.jwk)
  const keys = createKeys({ jwksUrl, now: clock.now })
  t.equal(await keys('one'), one.x)
  issuer.keys = [two.jwk]
  clock.advance(11 * minuteMs)
  t.equal(await keys('two'), two.x)
  t.equal(await keys('one'), undefined)
  await leave()
  clock.advance(11 * minuteMs)
  await t.rejects(keys('one'), { code: 'unavailable' }, 'nor when the issuer is unavailable')
  t.equal(await keys('two'), two.x)
})

t.test('an unknown key makes at most one request to the issuer per second, whether it answers or not', async (t) => {
  const key = newKey('one')
  const clock = createClock()
  const { issuer, jwksUrl } = await startIssuer(t, key.jwk)
  const keys = createKeys({ jwksUrl, now: clock.now })
  const guess = (times: number) =>
    Promise.allSettled(Array.from({ length: times }, (_, index) => keys(`guess ${index}`)))
  await keys('one')
  t.equal(issuer.requests, 1)
  clock.advance(1_000)
  for (let round = 0; round < 3; round += 1) await guess(20)
  t.equal(issuer.requests, 2)

  issuer.status = 500
  clock.advance(1_000)
  for (let round = 0; round < 3; round += 1) {
    const answers = await guess(20)
    t.ok(answers.every((answer) => answer.status === 'rejected' && answer.reason.code === 'unavailable'))
  }
  t.equal(issuer.requests, 3)
  t.equal(await keys('one'), key.x, 'known keys stay valid meanwhile')
})
