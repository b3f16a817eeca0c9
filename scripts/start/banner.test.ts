import { resolve } from 'node:path'
import { sandboxClients, sandboxCustomers } from '@rekey/contracts'
import { signsIn } from '@rekey/test-support/flows'
import { type Rekey, startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { seedSandbox } from '../../services/password-service/src/customers/sandbox.ts'
import { banner, curlLines } from './banner.ts'
import { paste, readmeCommands, secondProofCommands } from './readme-commands.fixture.ts'
import { readSettings } from './settings.ts'

const root = resolve(import.meta.dirname, '../..')
const portOf = (url: string) => Number(new URL(url).port)
const portsOf = ({ url, inbox }: Rekey) => ({ port: portOf(url), inboxPort: portOf(inbox.httpUrl) })

t.test('the banner has every address, and everybody who may sign in', async (t) => {
  const text = banner({ ...readSettings([], {}, root), metricsPort: 9464 }, 1)
  for (const path of ['', '/restore', '/account', '/staff', '/docs']) t.match(text, `http://localhost:8080${path}`)
  t.match(text, 'http://localhost:8025')
  t.match(text, 'http://127.0.0.1:9464/metrics')
  for (const { password, addresses, totpSecret } of sandboxCustomers) {
    const app = totpSecret ? `  (authenticator app: ${totpSecret})` : ''
    t.match(text, `${addresses.at(-1)?.value} / ${password}${app}\n`)
  }
  for (const { id, secret } of sandboxClients) t.match(text, secret ? `${id} / ${secret}` : id)
})

t.test('the commands of the README are those of the banner, and restore a password when they are pasted', async (t) => {
  t.equal(readmeCommands(root).trim(), curlLines({ port: 8080, inboxPort: 8025 }).join('\n'))
  const rekey = await startRekey(t)
  await seedSandbox(rekey.passwordServiceConfig)
  const output = await paste(readmeCommands(root), portsOf(rekey))
  t.match(output, /^HTTP\/1.1 204 No Content/)
  t.ok(await signsIn(rekey, { email: 'bpmtestusr1@gmail.com' }, 'Qwerty123'))
})

t.test(
  'the commands of the README for a second proof restore a password under REKEY_RESTORE_PROOFS=known',
  async (t) => {
    const rekey = await startRekey(t, { passwordServiceEnv: { REKEY_RESTORE_PROOFS: 'known' } })
    await seedSandbox(rekey.passwordServiceConfig)
    const output = await paste(secondProofCommands(root), portsOf(rekey))
    t.match(output, /^HTTP\/1.1 204 No Content/)
    t.ok(await signsIn(rekey, { email: 'bpmtestusr3@gmail.com' }, 'Qwerty123'))
  },
)
