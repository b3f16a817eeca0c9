import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scopes } from '@rekey/contracts'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { declaredLines } from '@rekey/test-support/log-lines'
import { decodeJwt } from 'jose'
import t from 'tap'
import { loadClientRegistry } from '../clients/client-registry.ts'
import { registry } from '../clients/registry.fixture.ts'
import { createTokenIssuer, type TokenSubject } from './issue-token.ts'
import { loadSigningKeys } from './signing-keys.ts'

const lines: string[] = []
const log = createLogger({
  name: 'test',
  level: 'info',
  destination: declaredLines(t, (line) => void lines.push(line)),
})
const now = () => new Date()

const dir = mkdtempSync(join(tmpdir(), 'rekey-keys-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
await generateKeys(dir, 'sandbox')
const keys = loadSigningKeys({ path: keyFiles(dir).signingKeys, profile: 'sandbox', now, log })
const clients = loadClientRegistry({
  path: registry(t).REKEY_CLIENTS_FILE,
  profile: 'sandbox',
  signsWith: () => true,
  log,
})
t.teardown(() => Promise.all([keys.close(), clients.close()]))
const issuer = createTokenIssuer({ keys, clients, issuer: 'https://id.example', now, random: systemRandom, log })

/** The scopes that each flow may grant and that each client is registered for. */
const ofFlow = {
  restore: [scopes.restore],
  change: [scopes.change],
  changeFactors: [scopes.full],
  signIn: [scopes.full, scopes.change],
  clientCredentials: [scopes.backOffice],
} satisfies Record<TokenSubject['flow'], string[]>
const customers: string[] = [scopes.full, scopes.restore, scopes.change]
const ofClient: Record<string, string[]> = {
  ib_localhost: customers,
  'web app': customers,
  backend_fin: [scopes.backOffice],
  both_kinds: [scopes.backOffice, ...customers],
  stranger: [],
}

/** Every non-empty set of scopes, and some that are none. */
const requested = [
  ...Array.from({ length: 15 }, (_, index) =>
    Object.values(scopes)
      .filter((_scope, place) => (index + 1) & (1 << place))
      .join(' '),
  ),
  '',
  'EVERYTHING',
  `${scopes.full}  ${scopes.change}`,
]

t.test('S40: a token has only scopes that both its flow and its client may have', async (t) => {
  let issued = 0
  for (const flow of Object.keys(ofFlow) as TokenSubject['flow'][]) {
    for (const [clientId, registered] of Object.entries(ofClient)) {
      for (const scope of requested) {
        // The identity provider's clients are not registered: their customers may change the password and factors.
        const isChange = flow === 'change' || flow === 'changeFactors'
        const allowed: string[] = clientId === 'stranger' && isChange ? ofFlow[flow] : registered
        const may = scope
          .split(' ')
          .every((item) => (ofFlow[flow] as string[]).includes(item) && allowed.includes(item))
        const what = `${flow}, ${clientId}, "${scope}"`
        for (const issue of [issuer.issueAccessToken, issuer.issueSuccessToken]) {
          const work = () => issue({ flow, subject: 'EN00000CY', clientId, scope })
          if (!may) t.throws(work, { code: 'invalid_grant' }, what)
          else {
            t.equal(decodeJwt(work().token).scope, scope, what)
            issued += 1
          }
        }
      }
    }
  }
  t.ok(issued > 20)
  const refusals = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'token_refused')
  t.equal(new Set(refusals.map(({ reason }) => reason)).size, 2, 'a foreign scope, and one that the client has not')
})

t.test('S40: REST:FULL comes out of client credentials alone', async (t) => {
  const subject = { subject: 'EN00000CY', clientId: 'both_kinds', scope: scopes.backOffice }
  for (const flow of ['restore', 'change', 'signIn'] as const) {
    t.throws(() => issuer.issueAccessToken({ flow, ...subject }), { code: 'invalid_grant' })
    const line = JSON.parse(lines.at(-1) ?? '{}')
    t.match(line, { event: 'token_refused', severity: 'error', flow, reason: /^tampering/ })
  }
  t.ok(issuer.issueAccessToken({ flow: 'clientCredentials', ...subject }).token)
})
