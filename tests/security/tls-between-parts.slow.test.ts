import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createAuthority, type Identity, writePem } from '@rekey/test-support/authority'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, restore, restoreGrant, signIn, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, titleOf } from '@rekey/test-support/visitor'
import t from 'tap'
import { runDoctor } from '../../scripts/doctor/doctor.ts'

// The gateway and the password-service on listeners of their own, each of another authority. The customer trusts both;
// the gateway trusts only that of the password-service for it, and the reverse.

const dir = mkdtempSync(join(tmpdir(), 'rekey-tls-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const [publicAuthority, partsAuthority, gatewayAuthority, strangerAuthority] = await Promise.all(
  ['public', 'parts', 'gateways', 'stranger'].map((name) => createAuthority(name)),
)
if (!publicAuthority || !partsAuthority || !gatewayAuthority || !strangerAuthority) throw new Error('no authorities')
const file = (name: string) => join(dir, `${name}.pem`)
const write = (name: string, { cert, key }: Identity) => writePem({ [file(name)]: cert, [file(`${name}-key`)]: key })
const clientIdentity = () => gatewayAuthority.issue({ usage: 'client' })
write('gateway', await publicAuthority.issue({ usage: 'server' }))
write('password-service', await partsAuthority.issue({ usage: 'server' }))
write('client', await clientIdentity())
writePem({
  [file('public-ca')]: publicAuthority.cert,
  [file('parts-ca')]: partsAuthority.cert,
  [file('gateway-ca')]: gatewayAuthority.cert,
})
setDefaultCACertificates([...getCACertificates('default'), publicAuthority.cert, partsAuthority.cert])

const rekey = await startRekey(t, {
  gatewayEnv: {
    REKEY_TLS_CERT: file('gateway'),
    REKEY_TLS_KEY: file('gateway-key'),
    REKEY_TLS_CA: file('parts-ca'),
    REKEY_TLS_CLIENT_CERT: file('client'),
    REKEY_TLS_CLIENT_KEY: file('client-key'),
  },
  passwordServiceEnv: {
    REKEY_TLS_CERT: file('password-service'),
    REKEY_TLS_KEY: file('password-service-key'),
    REKEY_TLS_CLIENT_CA: file('gateway-ca'),
    REKEY_TLS_CA: file('public-ca'),
  },
})
const password = 'correct horse battery staple'
const newCustomer = () => createCustomer(rekey.postgres.url)

t.test('S33: a restore runs over TLS with client certificates, by the API and by the pages', async (t) => {
  t.match([rekey.url, rekey.passwordServiceUrl], [/^https:/, /^https:/])
  const [byApi, byPages] = await Promise.all([newCustomer(), newCustomer()])
  const grant = await restoreGrant(rekey, byApi)
  t.equal((await restore(rekey, grant, password)).status, 204)
  t.ok(await signsIn(rekey, byApi, password))

  const visitor = createVisitor(rekey.http)
  const page = await visitor.proveCode(rekey.inbox, byPages.email)
  const done = await visitor.submit(page, { password })
  t.equal(titleOf(done), 'Your password is changed')
  t.ok(await signsIn(rekey, byPages, password))
})

t.test('S33: a request without the client certificate reaches no API, also with a valid token', async (t) => {
  const token = await signIn(rekey, await newCustomer())
  const headers = { authorization: `Bearer ${token}` }
  const path = '/api/v2/my/password/changes'
  t.equal((await fetch(rekey.url + path, { headers })).status, 200)
  await t.rejects(fetch(rekey.passwordServiceUrl + path, { headers }), 'the connection is closed')
  t.equal((await fetch(`${rekey.passwordServiceUrl}/readyz`)).status, 200)
})

t.test('a gateway whose certificate is refused answers 503, and recovers when its files are replaced', async (t) => {
  const person = await newCustomer()
  const grant = await restoreGrant(rekey, person)
  const authorization = asBearer(await signIn(rekey, await newCustomer()))
  // Sent all the time: its connection to the password-service is never idle.
  const statusOfRead = async () => (await rekey.http.get('/api/v2/my/password/changes', authorization)).status
  const reloads = () => rekey.logs.filter((line) => line.includes('"file_reloaded"')).length
  t.equal(await statusOfRead(), 200)
  write('client', await strangerAuthority.issue({ usage: 'client' }))
  await eventually(async () => (await statusOfRead()) === 503, { what: 'the refusal' })
  t.equal(reloads(), 1)
  t.equal((await restore(rekey, grant, password)).status, 503)
  t.ok(rekey.logs.some((line) => line.includes('"client_certificate_refused"')))
  write('client', await clientIdentity())
  await eventually(async () => (await statusOfRead()) === 200, { what: 'the next certificate' })
  t.equal(reloads(), 2)
  t.equal((await restore(rekey, grant, password)).status, 204)
})

t.test(
  'the doctor calls the other service as the services do, and names a certificate that is refused there',
  async (t) => {
    const variables = (config: object) =>
      Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]))
    const gateway = variables(rekey.gatewayConfig)
    const linesOf = async (more: Record<string, string>) => {
      const lines = await runDoctor({
        'auth-gateway': { ...gateway, ...more },
        'password-service': variables(rekey.passwordServiceConfig),
      })
      const names = ['own certificates', 'https certificates', 'password-service', 'gateway keys']
      return lines.filter(({ check }) => names.includes(check))
    }
    const sound = await linesOf({})
    t.equal(sound.length, 10)
    for (const { level, text } of sound) t.equal(level, 'ok', text)

    write('stranger', await strangerAuthority.issue({ usage: 'client', validTo: new Date(Date.now() + 86_400_000) }))
    const refused = await linesOf({
      REKEY_TLS_CLIENT_CERT: file('stranger'),
      REKEY_TLS_CLIENT_KEY: file('stranger-key'),
    })
    t.match(
      refused.filter(({ level }) => level !== 'ok'),
      [
        { level: 'warn', check: 'own certificates', text: /^REKEY_TLS_CLIENT_CERT: valid until .*, 0 days$/ },
        { level: 'FAIL', check: 'password-service', text: /answers probes, and closes the connection/ },
      ],
    )
  },
)

t.test('the metrics show when each certificate expires, and that the other service is up', async (t) => {
  const gateway = await rekey.metricsOf('auth-gateway')
  const passwords = await rekey.metricsOf('password-service')
  for (const certificate of ['server', 'client', 'ca'])
    t.match(gateway, `rekey_certificate_expiry_timestamp_seconds{certificate="${certificate}"} `)
  for (const certificate of ['server', 'ca'])
    t.match(passwords, `rekey_certificate_expiry_timestamp_seconds{certificate="${certificate}"} `)
  t.match(gateway, 'rekey_dependency_up{dependency="password_service"} 1')
  t.match(passwords, 'rekey_dependency_up{dependency="gateway_jwks"} 1')
})
