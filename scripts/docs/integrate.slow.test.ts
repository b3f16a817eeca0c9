import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { asBearer, restore, restoreBody, restoreGrant, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { productionParser } from '../../services/auth-gateway/src/clients/registry-file.ts'
import { seedSandbox } from '../../services/password-service/src/customers/sandbox.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/integrate.md'), 'utf8')
const blocksOf = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, block = '']) => block)

t.setTimeout(300_000)

t.test('the clients file of docs/integrate.md is accepted in production, with four eyes', async (t) => {
  const [file = ''] = blocksOf('json')
  t.equal(productionParser('bank_web', true)(file).byId.size, 3)
})

t.test('the commands of docs/integrate.md succeed in their order', async (t) => {
  const rekey = await startRekey(t)
  await seedSandbox(rekey.passwordServiceConfig)
  const env = {
    PATH: process.env.PATH ?? '',
    REKEY_URL: rekey.url,
    INBOX_URL: rekey.inbox.httpUrl,
    NATS_URL: rekey.nats.url,
  }
  const outputs: string[] = []
  for (const block of blocksOf('sh')) {
    const script = block.replaceAll('http://localhost:8080', rekey.url).replaceAll('--env-file=.rekey/servers.env ', '')
    const { stdout } = await promisify(execFile)('bash', ['-ec', script], { cwd: root, env })
    outputs.push(stdout)
  }
  t.match(outputs, [
    'has a new password',
    /access-control-allow-origin: http:\/\/localhost:5173/i,
    /[\da-f]{64}$/m,
    '"customer":"EN00000DZ"',
    /is active\..*restore by client.*Signed out everywhere/s,
    'hold withdrawals until',
  ])
})

t.test(
  'a client written for the published documents alone gets the answer of docs/integrate.md, with a sentence to show',
  async (t) => {
    const rekey = await startRekey(t)
    await seedSandbox(rekey.passwordServiceConfig)
    const person = { email: 'bpmtestusr3@gmail.com', password: '333333' }
    const grant = await restoreGrant(rekey, person)
    const problem = await restore(rekey, grant, 'a new password of mine')
    const [documented = ''] = blocksOf('http').flatMap((block) => /^\{.*\}$/m.exec(block) ?? [])
    const { mfaToken, challengeTypes, ...shown } = JSON.parse(documented)
    t.match(problem, { status: 403, body: shown })
    t.same(Object.keys(problem.body), Object.keys(JSON.parse(documented)), 'no other fields')
    t.match(problem.headers.get('content-type'), 'application/problem+json')
    t.match({ mfaToken, challengeTypes }, { mfaToken: String, challengeTypes: ['otp', String, String] })

    const accessToken = await restoreGrant(rekey, person, 'access_token')
    const { state } = restoreBody(person.email)
    const reset = { client_timezone: '-3', ip: '::1', response_type: 'access_token', source_system: 'IB', state }
    const refused = await rekey.http.post('/oauth/v2/passwordRestoreReset', reset, asBearer(accessToken))
    t.match(refused, {
      status: 403,
      body: { error: 'mfa_required', error_description: 'A second proof of the customer is required.', state },
    })
    t.ok(await signsIn(rekey, person, person.password), 'the password is unchanged')
  },
)
