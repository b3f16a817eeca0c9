import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '@rekey/platform/config'
import t from 'tap'
import { loadClients } from './clients.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-clients-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))

const write = (text: string) => {
  const path = join(dir, 'clients.json')
  writeFileSync(path, text)
  return path
}

t.test('production does not run with the demo registry', (t) => {
  t.throws(() => loadClients({ path: undefined, profile: 'production' }), ConfigError)
  t.ok(loadClients({ path: undefined, profile: 'sandbox' }).find('ib_localhost'))
  t.end()
})

t.test(
  'a file that is away, no JSON, or not a registry is refused with every fault, and nothing of it repeated',
  (t) => {
    const faultsOf = (path: string) => {
      try {
        loadClients({ path, profile: 'production' })
      } catch (error) {
        return (error as Error).message
      }
    }
    t.match(faultsOf(join(dir, 'nowhere.json')), 'REKEY_CLIENTS_FILE cannot be read: ENOENT')
    t.match(faultsOf(write('{ secret')), 'REKEY_CLIENTS_FILE cannot be read: it is not JSON')
    const faults = faultsOf(write(JSON.stringify([{ client_id: '', type: 'odd', secret_sha256: 'secret' }])))
    for (const field of ['client_id', 'type', 'secret_sha256', 'redirect_uris', 'scopes']) t.match(faults, field)
    t.notMatch(faults, '"secret"')
    t.end()
  },
)
