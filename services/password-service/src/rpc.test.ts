import { rpcs as allRpcs, type CustomersGetReply, rpcServerOf, version } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const connection = service.broker.connection()

const rpcs = allRpcs.filter((rpc) => rpcServerOf(rpc) === 'password-service')
const subjects = rpcs.map(({ subject }) => subject)
/** Sends a request; any answer shows that the subject is served. */
const send = (subject: string, data: string | Uint8Array) => connection.request(subject, data, { timeout: 60_000 })
/** The services framework of NATS puts the error in headers. */
const refusalOf = (answer: Awaited<ReturnType<typeof send>>) => ({
  status: Number(answer.headers?.get('Nats-Service-Error-Code')),
  description: answer.headers?.get('Nats-Service-Error') ?? '',
  body: answer.data.length > 0 ? answer.json<object>() : {},
})

/** A valid request of each RPC, for a customer who does not exist. */
const examples: Record<string, Record<string, unknown>> = {
  'password.verify': { username: 'nobody@example.com', password: 'Qwerty123' },
  'password.status': { customer: 'nobody' },
  'customers.get': { customer: 'nobody' },
  'customers.summary': { customer: 'nobody' },
  'customers.upsert': { customer: 'somebody', identifiers: [{ value: 'somebody@example.com', verified: true }] },
  'customers.erase': { customer: 'nobody', reason: 'article 17' },
  'account.report-compromise': { token: 'a.b.c', ip: '203.0.113.7' },
  'dead-letters.replay.password-service': { sequence: 1 },
  'factors.list': { customer: 'nobody' },
  'factors.verify': {
    customer: 'nobody',
    method: 'totp',
    code: '123456',
    challengeId: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
    purpose: 'restore',
  },
  'waiting-restores.open': { mfaToken: 'a.b.c', ip: '203.0.113.7' },
  'waiting-restores.veto': { token: 'a.b.c', ip: '203.0.113.7' },
  'factors.request-passkey': { customer: 'nobody', challengeId: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6' },
  'factors.verify-passkey': {
    customer: 'nobody',
    challengeId: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
    credential: {
      id: 'AAAA',
      rawId: 'AAAA',
      type: 'public-key',
      response: { clientDataJSON: 'AAAA', authenticatorData: 'AAAA', signature: 'AAAA' },
    },
    purpose: 'restore',
    clientId: 'ib_localhost',
    ip: '203.0.113.7',
  },
  'session.raise-epoch': { customer: 'nobody', verifiedEpoch: 0, gatewayEpoch: 1 },
}

t.before(() => eventually(() => send('customers.get', '{"customer":"nobody"}'), { what: 'the RPCs to be served' }))

t.test('`nats micro ls` and `nats micro info` list every RPC', async (t) => {
  interface Info {
    type: string
    name: string
    endpoints: { subject: string; metadata: { description: string; request: string; reply: string } }[]
  }
  for (const verb of ['PING', 'INFO', 'STATS']) {
    for (const subject of [`$SRV.${verb}`, `$SRV.${verb}.password-service`]) {
      t.match((await send(subject, '')).json(), { name: 'password-service', version }, subject)
    }
  }
  const { type, endpoints } = (await send('$SRV.INFO.password-service', '')).json<Info>()
  t.equal(type, 'io.nats.micro.v1.info_response')
  const found = new Map(endpoints.map((endpoint) => [endpoint.subject, endpoint.metadata]))
  t.same([...found.keys()].sort(), subjects.toSorted())
  for (const { subject, summary, request, reply } of rpcs) {
    const metadata = found.get(subject)
    t.equal(metadata?.description, summary, subject)
    t.same(JSON.parse(metadata?.request ?? 'null'), JSON.parse(JSON.stringify(request)))
    t.same(JSON.parse(metadata?.reply ?? 'null'), JSON.parse(JSON.stringify(reply)))
  }
})

const planted = 'planted-value-1234'
const huge = `${planted}${'x'.repeat(900_000)}`

for (const { subject, request } of rpcs) {
  const example = examples[subject] ?? {}
  const [firstField = ''] = Object.keys(example)

  t.test(`S31: ${subject} refuses an invalid request, and names the field without its value`, async (t) => {
    const refused = async (data: string | Uint8Array, names: string | undefined, what: string) => {
      const { status, description, body } = refusalOf(await send(subject, data))
      t.equal(status, 400, what)
      t.match(body, { code: 'invalid_request' }, what)
      if (names) {
        t.ok(description.includes(names), `${what}: the header names ${names}`)
        t.match(body, { errors: [] }, what)
        t.ok(JSON.stringify(body).includes(`"field":"${names}`), `${what}: the body names ${names}`)
      }
      t.notOk(`${description}${JSON.stringify(body)}`.includes(planted), `${what}: no value is repeated`)
      t.ok(description.length < 1_000 && JSON.stringify(body).length < 10_000, what)
    }

    const noObjects = [
      '',
      ' ',
      'no JSON',
      `{"${firstField}":`,
      'null',
      '1',
      'true',
      `"${planted}"`,
      '[]',
      `["${planted}"]`,
    ]
    for (const data of noObjects) await refused(data, undefined, data || 'nothing')
    await refused(new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), undefined, 'invalid UTF-8')
    await refused('['.repeat(100_000), undefined, 'deeply nested')
    await refused(`{"${firstField}":"${planted}","${firstField}":"${planted}"}`, firstField, 'a name twice')
    await refused('{"__proto__":{"customer":"nobody"}}', undefined, '__proto__')
    if (firstField) await refused('{}', undefined, 'an empty object')

    for (const [field, schema] of Object.entries(request.properties) as [string, { type?: string }][]) {
      const wrong = [{ [planted]: planted }, [planted], true, 1.5, -1, null, huge, `${planted}\r\n${planted}`, '']
      for (const value of wrong) {
        const isText = schema.type === 'string' && typeof value === 'string' && ['ip', 'password'].includes(field)
        const fits = isText || (schema.type === 'boolean' && value === true)
        if (fits) continue
        await refused(
          JSON.stringify({ ...example, [field]: value }),
          field,
          `${field}: ${JSON.stringify(value).slice(0, 30)}`,
        )
      }
    }
  })

  t.test(`${subject} ignores unknown fields`, async (t) => {
    const plain = await send(subject, JSON.stringify(example))
    const more = await send(subject, JSON.stringify({ ...example, [planted]: planted, extra: { more: [] } }))
    t.notOk(plain.headers?.has('Nats-Service-Error-Code'))
    t.same(more.json<{ created?: boolean }>(), {
      ...plain.json<object>(),
      ...('created' in plain.json<object>() && { created: false }),
    })
  })
}

t.test('a request must name exactly one of code, id and username', async (t) => {
  for (const subject of ['customers.get', 'password.status']) {
    for (const reference of [{}, { customer: 'x', customerId: 1 }, { customer: 'x', username: 'x@example.com' }]) {
      const { status, description, body } = refusalOf(await send(subject, JSON.stringify(reference)))
      t.equal(status, 400, subject)
      t.equal(description, 'Exactly one of customer, customerId, username must be given.')
      t.match(body, { errors: [{ field: 'customer' }, { field: 'customerId' }, { field: 'username' }] })
    }
  }
})

t.test('a field within a list is named by its index', async (t) => {
  const request = { customer: 'x', identifiers: [{ value: 'x@example.com', verified: true }, { value: planted }] }
  const { status, body } = refusalOf(await send('customers.upsert', JSON.stringify(request)))
  t.equal(status, 400)
  t.match(body, { errors: [{ field: 'identifiers/1/verified', code: 'missing' }, { field: 'identifiers/1/value' }] })
  const many = Array.from({ length: 21 }, (_, index) => ({ value: `x${index}@example.com`, verified: true }))
  t.match(refusalOf(await send('customers.upsert', JSON.stringify({ customer: 'x', identifiers: many }))), {
    status: 400,
    body: { errors: [{ field: 'identifiers' }] },
  })
})

t.test('S25: without Postgres an RPC answers 503 without the cause', async (t) => {
  const apart = await startPasswordService(t, { privatePostgres: true })
  await apart.postgres?.stop()
  const answer = await apart.broker.connection().request('customers.get', '{"customer":"nobody"}', { timeout: 60_000 })
  t.match(refusalOf(answer), { status: 503, body: { code: 'unavailable' } })
  t.notMatch(answer.string(), /127\.0\.0\.1|ECONN|prisma/i)
  await apart.postgres?.restart()
  const findAgain = async () =>
    (
      await apart.broker.connection().request('customers.get', '{"customer":"nobody"}', { timeout: 60_000 })
    ).json<CustomersGetReply>()
  t.same(await eventually(async () => ((await findAgain()).found === false ? { found: false } : undefined)), {
    found: false,
  })
})

t.test('`nats micro stats` counts requests, errors and the time of the work', async (t) => {
  interface Endpoint {
    subject: string
    num_requests: number
    num_errors: number
    processing_time: number
    last_error?: string
  }
  const statsOf = async (subject: string) => {
    const { endpoints } = (await send('$SRV.STATS.password-service', '')).json<{ endpoints: Endpoint[] }>()
    const found = endpoints.find((endpoint) => endpoint.subject === subject)
    if (!found) throw new Error(`no ${subject}`)
    return found
  }
  const before = await statsOf('password.verify')
  const requests = 3
  const startedAt = performance.now()
  for (let sent = 0; sent < requests; sent += 1) {
    await send('password.verify', JSON.stringify(examples['password.verify']))
  }
  const tookMs = performance.now() - startedAt
  await send('password.verify', '{}')
  const isCounted = async () => (await statsOf('password.verify')).num_requests === before.num_requests + requests + 1
  await eventually(isCounted, { what: 'the requests to be counted' })
  const after = await statsOf('password.verify')
  t.equal(after.num_errors, before.num_errors + 1)
  t.type(after.last_error, 'string')
  const countedMs = (after.processing_time - before.processing_time) / 1e6
  // A hash takes far longer than passing a request to its handler, and the callers waited for all of it.
  t.ok(countedMs > requests, `${countedMs} ms`)
  t.ok(countedMs <= tookMs + requests * 50, `${countedMs} ms of ${tookMs}`)
})
