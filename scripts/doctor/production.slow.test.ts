import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type ServiceName, serviceNames } from '@rekey/contracts'
import { brokerRights } from '@rekey/contracts/documents/broker-permissions'
import { nkeyFile } from '@rekey/local-servers/keys'
import { makeStreams } from '@rekey/platform/streams'
import { writeCertificate } from '@rekey/test-support/certificate'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { prepareProduction } from '@rekey/test-support/production'
import fc from 'fast-check'
import { connect } from 'nats'
import t, { type Test } from 'tap'
import { startConfiguredNats } from '../../packages/platform/src/broker.fixture.ts'
import { profileErrors, ruleErrors, serverRules } from '../../packages/platform/src/production.ts'
import { problemsOf, startTls } from './breakages.fixture.ts'
import { tryRights } from './checks/broker-rights.ts'
import { clockFinding } from './checks/clock.ts'
import { configurationChecks, nameOfRule, serverRuleChecks } from './checks/configuration.ts'
import { type Environments, runDoctor } from './doctor.ts'
import type { Line } from './finding.ts'
import { type Environment, services, subjectOf } from './subjects.ts'

const rekey = await prepareProduction(t)
const sound: Record<ServiceName, Environment> = {
  'auth-gateway': { ...rekey.variables['auth-gateway'], PORT: '1' },
  'password-service': { ...rekey.variables['password-service'], PORT: '1' },
  notifier: { ...rekey.variables.notifier, PORT: '1' },
}
const change = (service: ServiceName, variables: Environment): Environments => ({
  [service]: { ...sound[service], ...variables },
})

/** The services are not started, and the broker may be an older one than recommended. */
const expected = [
  'FAIL auth-gateway password-service',
  'FAIL password-service gateway keys',
  ...serviceNames.flatMap((name) => [`warn ${name} consumers`, `warn ${name} broker connection`]),
]

const finds = async (t: Test, environments: Environments, problems: string[], says: RegExp) => {
  let found: string[] = []
  const lines = await eventually(
    async () => {
      const lines = await runDoctor(environments)
      found = problemsOf(lines).filter((one) => !expected.includes(one))
      return isDeepStrictEqual(found.toSorted(), problems.toSorted()) ? lines : undefined
    },
    { what: problems.join(', '), intervalMs: 500, timeoutMs: 20_000 },
  ).catch((): Line[] => [])
  t.same(found.toSorted(), problems.toSorted())
  t.match(lines.map(({ text, todo }) => `${text}: ${todo}`).join('\n'), says)
}

t.test('S33: a production as in deploy/ has neither too few rights nor too many, and valid certificates', async (t) => {
  await finds(t, sound, [], /localhost:\d+: valid until \d{4}-\d\d-\d\d, 36\d days/)
})

t.test('S33: what a role of Postgres may do beyond deploy/postgres, or may not do, is named', async (t) => {
  const { owner, superuser } = rekey.database
  const environments = change('password-service', {})
  const problems = ['FAIL password-service database rights']
  const steps: [string, string, string, RegExp][] = [
    [
      owner,
      'GRANT DELETE ON customer TO rekey_service',
      'REVOKE DELETE ON customer FROM rekey_service',
      /has also DELETE on customer/,
    ],
    [
      owner,
      'REVOKE UPDATE ON job FROM rekey_service',
      'GRANT UPDATE ON job TO rekey_service',
      /lacks UPDATE on job: run deploy\/postgres\/grants/,
    ],
    [superuser, 'ALTER ROLE rekey_service CREATEROLE', 'ALTER ROLE rekey_service NOCREATEROLE', /has also CREATEROLE/],
  ]
  for (const [role, breakIt, repair, says] of steps) {
    await sql(role, breakIt)
    await finds(t, environments, problems, says)
    await sql(role, repair)
  }
})

t.test('S48: a file of keys that others can read, and a wrong key of the broker, are named', async (t) => {
  const seed = nkeyFile(rekey.keysDir, 'notifier')
  chmodSync(seed, 0o644)
  await finds(
    t,
    change('notifier', {}),
    ['FAIL notifier configuration'],
    /NATS_NKEY_FILE names a file that every account/,
  )
  chmodSync(seed, 0o600)
  const others = change('notifier', { NATS_NKEY_FILE: nkeyFile(rekey.keysDir, 'platform') })
  await finds(
    t,
    others,
    ['FAIL notifier broker rights', 'FAIL notifier streams'],
    /may not publish .*: give the user the permissions/,
  )
})

t.test('a certificate is refused after its time, before it, and of another authority', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-certificates-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const days = (count: number) => new Date(Date.now() + count * 86_400_000)
  const cases = [
    { validFrom: days(-30), validTo: days(-1), level: 'FAIL', says: /expired on/ },
    { validFrom: days(2), validTo: days(30), level: 'FAIL', says: /not valid before .*: correct the clock/ },
    { validFrom: days(-30), validTo: days(30), level: 'FAIL', says: /not trusted .*: name its authority/ },
  ]
  for (const { level, says, ...dates } of cases) {
    const port = await startTls(t, 'direct', await writeCertificate(dir, dates))
    const environments = change('auth-gateway', { REDIS_URL: `rediss://a:b@localhost:${port}` })
    await finds(t, environments, [`${level} auth-gateway redis certificate`], says)
  }
})

t.test('S33: each right that a user of the broker lacks or has beyond its own is named', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-rights-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const all = brokerRights()
  /** One user for each case: a right of the service is taken away, or one of another user is given to it. */
  const cases = fc
    .sample(
      fc.constantFrom(...serviceNames).chain((service) => {
        const own = all[service]?.publish ?? []
        const foreign = Object.values(all).flatMap(({ publish }) => publish.filter((subject) => !own.includes(subject)))
        return fc.record({
          service: fc.constant(service),
          taken: fc.option(fc.constantFrom(...own), { nil: undefined }),
          given: fc.option(fc.constantFrom(...foreign), { nil: undefined }),
        })
      }),
      { numRuns: 12 },
    )
    .map((one, index) => ({ ...one, user: `user${index}` }))
  const list = (subjects: readonly string[]) => `{ allow: ${JSON.stringify(subjects)} }`
  const users = cases.map(({ user, service, taken, given }) => {
    const { publish = [], subscribe = [] } = all[service] ?? {}
    const may = [...publish.filter((subject) => subject !== taken), ...(given === undefined ? [] : [given])]
    return `{ user: ${user}, password: p, permissions: { publish: ${list(may)}, subscribe: ${list(subscribe)} } }`
  })
  const nats = await startConfiguredNats(
    t,
    dir,
    `jetstream { store_dir: ${JSON.stringify(dir)} }
     authorization { users: [
     ${['{ user: admin, password: p }', ...users].join('\n     ')}
     ] }`,
  )
  const admin = await connect({ servers: nats.url, user: 'admin', pass: 'p' })
  t.teardown(() => admin.close())
  await makeStreams(admin, ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE'], 1)
  for (const { user, service, taken, given } of cases) {
    const connection = await connect({ servers: nats.url, user, pass: 'p', inboxPrefix: `_INBOX.${service}` })
    const subject = subjectOf(service, { ...sound[service], NATS_NKEY_FILE: '', NATS_USER: user, NATS_PASSWORD: 'p' })
    const found = await tryRights(connection, subject)
    const texts = found.filter(({ level }) => level === 'FAIL').map(({ text }) => text)
    t.equal(texts.length, (taken === undefined ? 0 : 1) + (given === undefined ? 0 : 1), `${user}: ${texts.join('; ')}`)
    if (taken !== undefined) t.match(texts.join(), /may not publish/, taken)
    if (given !== undefined) t.match(texts.join(), /may also publish/, given)
    await connection.close()
  }
  const jsm = await admin.jetstreamManager()
  for (const name of ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE', 'DEAD'])
    t.equal((await jsm.streams.info(name)).state.last_seq, 0, `${name} has stored nothing`)
})

t.test('every rule that a start enforces is a check', async (t) => {
  for (const service of serviceNames) {
    const { production } = services[service]
    const rules = serverRules(production as never, 'production') as readonly { name: string }[]
    const names = serverRuleChecks(subjectOf(service, sound[service])).map(({ name }) => name)
    t.same(
      names,
      rules.map(({ name }) => nameOfRule(name)),
    )
    t.ok(names.every(Boolean) && new Set(names).size === names.length, `${service}: each rule has a name of its own`)
  }
})

t.test('the doctor finds exactly the errors of a start in any configuration', async (t) => {
  const wrong: Record<string, string[]> = {
    REKEY_PUBLIC_URL: ['http://rekey.example', 'no url'],
    NATS_URL: ['nats://broker.example:4222', 'tls://broker.example'],
    NATS_NKEY_FILE: ['/does/not/exist'],
    LOG_LEVEL: ['silent', 'loud'],
    REKEY_CONTACT: [''],
    REKEY_TRUSTED_PROXIES: ['0.0.0.0/0'],
    REDIS_URL: ['redis://redis.example'],
    DATABASE_URL: ['postgres://db.example/rekey'],
    SMTP_URL: ['smtp://mail.example'],
    REKEY_MAIL_FROM: ['Bank <no-reply@localhost>'],
    REKEY_HOLD_HOURS: ['0'],
    REKEY_SECRETS_FILE: ['/does/not/exist'],
    REKEY_IDP_ISSUER: ['https://idp.example'],
    REKEY_CLIENTS_FILE: ['/does/not/exist'],
    NODE_TLS_REJECT_UNAUTHORIZED: ['0'],
  }
  const changes = fc.record(
    Object.fromEntries(Object.entries(wrong).map(([name, values]) => [name, fc.constantFrom(...values)])),
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...serviceNames), changes, async (service, variables) => {
      const subject = subjectOf(service, { ...sound[service], ...(variables as Environment) })
      const ofStart = await profileErrors(
        { ...subject.production, correctness: [], durability: [] },
        'production',
        subject.config,
        subject.errors,
      )
      const findings = (await configurationChecks(subject)[0]?.run()) ?? []
      const texts = findings.filter(({ level }) => level === 'FAIL').map(({ text }) => text)
      const all = [...new Set([...subject.errors, ...ofStart])]
      if (JSON.stringify(texts) !== JSON.stringify(all)) throw new Error(`${texts.join('\n')}\n\n${all.join('\n')}`)
    }),
    { numRuns: 60 },
  )
  t.ok(ruleErrors)
})

t.test('a clock is judged by how far it is outside of the time that its answer took', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: -100_000, max: 100_000 }), fc.integer({ min: 0, max: 5_000 }), (offMs, tookMs) => {
      const before = 1_800_000_000_000
      const { level } = clockFinding(before + offMs, [before, before + tookMs])
      const outsideMs = offMs < 0 ? -offMs : Math.max(0, offMs - tookMs)
      return level === (outsideMs > 30_000 ? 'FAIL' : outsideMs > 2_000 ? 'warn' : 'ok')
    }),
  )
  t.end()
})
