import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { hashForLog } from '@rekey/platform/logger'
import { eventually } from '@rekey/test-support/eventually'
import { askRestore, claimsOf, restore, verificationBody } from '@rekey/test-support/flows'
import { startProcesses } from '@rekey/test-support/processes'
import t from 'tap'
import { pathsOf, readTree } from '../../scripts/trace/document.ts'
import { startReceiver } from '../../scripts/trace/receiver.ts'
import { groupsOf, printTraces } from '../../scripts/trace/tree.ts'
import { seedSandbox } from '../../services/password-service/src/customers/sandbox.ts'

// Compares the statements of restores, from their traces: second proofs must cost others none.

const receiver = await startReceiver()
t.teardown(() => receiver.close())
const processes = await startProcesses(t, { env: { ...receiver.variables, REKEY_RESTORE_PROOFS: 'known' } })
const { http, postgres, keys } = processes
const { REKEY_FACTOR_SEAL_KEY = '' } = parseEnv(readFileSync(keys.passwordService, 'utf8'))
await seedSandbox({ DATABASE_URL: postgres.url, REKEY_FACTOR_SEAL_KEY })
const [oneMethod, withApp] = ['bpmtestusr2@gmail.com', 'bpmtestusr3@gmail.com'] as const

/** A1 and A2. @returns the grant, and the spans of all traces that are linked to these requests, once they are whole */
const prove = async (email: string) => {
  const { answer, confirmation } = await askRestore(processes, email)
  const { body } = await http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(answer.body.mfa_token, confirmation),
  )
  const challenge = hashForLog(String(claimsOf(String(answer.body.mfa_token)).sub))
  const spansOf = (isWhole: (names: string[]) => boolean) =>
    eventually(
      () => {
        const isOurs = ({ attributes }: { attributes: Record<string, string> }) =>
          attributes['rekey.challenge'] === challenge
        const group = groupsOf(receiver.spans).find((spans) => spans.some(isOurs)) ?? []
        const ids = new Set(group.map(({ spanId }) => spanId))
        const isConnected = group.every(({ parentSpanId }) => parentSpanId === '' || ids.has(parentSpanId))
        return isConnected && isWhole(group.map(({ name }) => name)) ? group : undefined
      },
      { what: `the spans of a restore of ${email}`, timeoutMs: 60_000 },
    )
  return { grant: String(body.sign_token), spansOf }
}

const count = (names: string[], name: string) => names.filter((one) => one === name).length
/** Without the statement of a new connection to Postgres, which any request may open. */
const stepsOf = (spans: Parameters<typeof printTraces>[0]) =>
  pathsOf(printTraces(spans)).filter((path) => !path.endsWith(' SELECT'))

t.test(
  'S60: until the first proof the same statements run for customers with and without a second method',
  async (t) => {
    const steps = []
    for (const email of [oneMethod, withApp]) {
      const { spansOf } = await prove(email)
      const spans = await spansOf(
        (names) => names.includes('UPDATE message') && names.includes('process auth.challenge.verified'),
      )
      steps.push(stepsOf(spans))
    }
    t.ok(steps[0]?.some((path) => path.includes('DELETE restore_failure customer')))
    t.same(steps[0], steps[1])
  },
)

t.test('S60: a restore without a second method runs the statements of docs/traces.md under known too', async (t) => {
  const { grant, spansOf } = await prove(oneMethod)
  t.equal((await restore(processes, grant, 'a new password of mine')).status, 204)
  const spans = await spansOf((names) => count(names, 'UPDATE message') === 2 && names.includes('EVALSHA end-all.lua'))
  const documented = readTree(readFileSync(join(import.meta.dirname, '../../docs/traces.md'), 'utf8'))
  t.same(stepsOf(spans), pathsOf(documented.split('\n')))
})
