import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { freePort, isPortFree } from '@rekey/local-servers/ports'
import { startSandbox } from '../start/sandbox.ts'
import { placeMetrics, readSettings } from '../start/settings.ts'

/** Staff must verify callers, as in production. */
const variables = { REKEY_STAFF_NEEDS_PROOF: 'true' }

/** Starts the sandbox of `npm start` on ports and in a folder of its own, stopped and removed at the end. */
export const startOwnSandbox = async (t: { teardown(callback: () => unknown): void }, signal: AbortSignal) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-screens-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  // Services read them from this process, as those of npm start do.
  Object.assign(process.env, variables)
  const [port, inboxPort, providerPort] = await Promise.all([freePort(), freePort(), freePort()])
  const ports = { PORT: `${port}`, INBOX_PORT: `${inboxPort}`, PROVIDER_PORT: `${providerPort}` }
  const settings = readSettings([], { ...ports, REKEY_DATA_DIR: dataDir }, resolve(import.meta.dirname, '../..'))
  const sandbox = await startSandbox(await placeMetrics(settings, isPortFree), { say: console.log, signal })
  t.teardown(() => sandbox.stop())
  const broken = sandbox.broken.then(({ name, logTail }) => {
    throw new Error(`${name} ended. The end of its log:\n${logTail(20)}`)
  })
  // Raced with each story; without this an end between two stories would end the process.
  broken.catch(() => {})
  return { gateway: `http://localhost:${port}`, inbox: `http://localhost:${inboxPort}`, broken }
}
