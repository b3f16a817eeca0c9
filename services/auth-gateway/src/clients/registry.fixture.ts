import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from '@rekey/test-support/infrastructure'

const customerScopes = ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE']

const confidential = (client_id: string, secret: string, scopes: string[], redirect_uris: string[] = []) => ({
  client_id,
  type: 'confidential',
  secret_sha256: createHash('sha256').update(secret).digest('hex'),
  redirect_uris,
  origins: [],
  scopes,
})

const publicClient = (client_id: string, redirect_uri: string) => ({
  client_id,
  type: 'public',
  redirect_uris: [redirect_uri],
  origins: [],
  scopes: customerScopes,
})

/** A confidential web application for customers. Its id and secret need form encoding. */
export const webApp = { client_id: 'web app', client_secret: 'a secret: + and %' }
export const webAppRedirect = 'https://bank.example/callback'
/** A client for customers and for staff. */
export const bothKinds = { client_id: 'both_kinds', client_secret: 'two roles' }

/** A public client that may not change passwords. */
export const restoreOnly = { client_id: 'restore_only', redirect_uri: 'http://localhost/restore' }

/** Writes a registry file with the sandbox's clients and these. */
export const registry = (t: Teardown): { REKEY_CLIENTS_FILE: string } => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-clients-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'clients.json')
  const clients = [
    {
      ...publicClient(restoreOnly.client_id, restoreOnly.redirect_uri),
      scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE'],
    },
    publicClient('ib_localhost', 'http://localhost'),
    publicClient('another_app', 'http://localhost/another'),
    { ...confidential('backend_fin', 'secretkey', ['REST:FULL']), introspection: 'all' },
    confidential(webApp.client_id, webApp.client_secret, customerScopes, [webAppRedirect]),
    confidential(bothKinds.client_id, bothKinds.client_secret, ['REST:FULL', ...customerScopes], [webAppRedirect]),
  ]
  writeFileSync(path, JSON.stringify(clients))
  return { REKEY_CLIENTS_FILE: path }
}
